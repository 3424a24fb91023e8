"""The script that `elvs-ipvsadm` is started by: Python without its `site` module.

    python -m elvs.cli.entry FILE

What pip writes runs `site`, which reads every .pth file, and imports `re`: 10 ms of processor
time before the first line of ours. This one names the directories that it needs itself.
"""

import sys
import sysconfig
from pathlib import Path

SCRIPT = """\
#!{python} -IS
import sys

sys.path += {packages!r}
from elvs.cli.ipvsadm import main

main()
"""
LONGEST = 255
"""What the kernel reads of the first line (BINPRM_BUF_SIZE)."""


def script() -> str | None:
    """The text for this interpreter; None where its path cannot stand in a first line."""
    here = str(Path(__file__).resolve().parents[2])
    packages = list(dict.fromkeys([here, sysconfig.get_path("purelib")]))
    text = SCRIPT.format(python=sys.executable, packages=packages)
    first = text.partition("\n")[0]
    return text if len(first.split()) == 2 and len(first) < LONGEST else None


def write(path: Path) -> bool:
    """Put the script at `path` in one step; False where it cannot be and nothing was done."""
    text = script()
    if text is None:
        return False
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o755)
    fresh.rename(path)
    return True


if __name__ == "__main__":
    if not write(Path(sys.argv[1])):
        print(f"{sys.argv[1]} starts as pip made it", file=sys.stderr)
