"""The words of the field as frozen values. Imports nothing else of ours."""
