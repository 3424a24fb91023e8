"""Whole networks in namespaces on one machine, as code: for the demo, tests, benches and people.

`topologies` declares them, `plan` turns one into text for ip(8), `builder` makes and removes it.
Nothing here is used by a director in service.
"""
