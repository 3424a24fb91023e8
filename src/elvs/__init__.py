"""eLVS: the Linux Virtual Server on eBPF, steered from Python."""

__version__ = "0.1.0"
