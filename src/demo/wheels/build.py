#!/usr/bin/env python3
"""Builds the wheels of the demo from src/. Equal sources give equal bytes.

    python3 src/demo/wheels/build.py
"""

import base64
import hashlib
import pathlib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
TIMESTAMP = (2024, 1, 1, 0, 0, 0)
WHEEL = "Wheel-Version: 1.0\nGenerator: envgit-demo (1.0)\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def record_line(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return "{},sha256={},{}\n".format(name, digest, len(data))


def build(source):
    """Builds the wheel of one source directory, which is named NAME-VERSION."""
    info = source.name + ".dist-info"
    files = []
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(source).as_posix()
            # As wheels have it: the package first, its records last.
            files.append((name if "/" in name else info + "/" + name, path.read_bytes()))
    files.append((info + "/WHEEL", WHEEL.encode()))
    files.sort(key=lambda file: (file[0].startswith(info), file[0]))
    record = info + "/RECORD"
    lines = [record_line(name, data) for name, data in files] + [record + ",,\n"]
    files.append((record, "".join(lines).encode()))
    wheel = HERE / "{}-py3-none-any.whl".format(source.name)
    with zipfile.ZipFile(str(wheel), "w", zipfile.ZIP_STORED) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, TIMESTAMP)
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            archive.writestr(entry, data)
    return wheel


if __name__ == "__main__":
    for directory in sorted((HERE / "src").iterdir()):
        if directory.is_dir():
            print(build(directory).name)
