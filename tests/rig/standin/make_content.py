"""Fills the image to a real image's shape: one large file that hardly compresses and many small ones.

Deterministic: the same arguments give the same bytes, so that layers are shared and hashes stay.
"""

import hashlib
import os
import sys


def stream(seed, megabytes):
    """SHA-256 in counter mode: incompressible and the same everywhere."""
    count = megabytes * 1024 * 1024 // 32
    return b"".join(hashlib.sha256(f"{seed}/{index}".encode()).digest() for index in range(count))


def main(seed, folder, megabytes, files):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"{seed}.jar"), "wb") as file:
        file.write(stream(seed, megabytes))
    for index in range(files):
        parent = os.path.join(folder, f"lib{index % 40:02}")
        os.makedirs(parent, exist_ok=True)
        with open(os.path.join(parent, f"{seed}-{index:05}.properties"), "w", encoding="utf-8") as file:
            file.write(f"# {seed} {index}\n" + f"key.{index}=value of {seed}\n" * 40)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
