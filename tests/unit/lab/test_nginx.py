"""The web servers' configuration."""

from pathlib import Path

from elvs.lab.nginx import config


def test_everything_lies_in_the_labs_directory() -> None:
    text = config("server1", Path("/run/x/server1"), Path("/run/x/big"))
    paths = [word.rstrip(";") for word in text.split() if word.startswith("/run")]
    assert len(paths) >= 8
    assert 'return 200 \'{"server": "server1", "client": "$remote_addr"}\\n\';' in text
    assert text.count("{") == text.count("}")


def test_it_listens_on_both_ports_in_both_families() -> None:
    text = config("server1", Path("/h"), Path("/b"))
    listening = [line.strip() for line in text.splitlines() if "listen " in line]
    assert listening == [
        "listen 0.0.0.0:80;",
        "listen [::]:80 ipv6only=on;",
        "listen 0.0.0.0:8080;",
        "listen [::]:8080 ipv6only=on;",
    ]
