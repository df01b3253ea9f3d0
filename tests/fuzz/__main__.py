"""`make fuzz SECONDS=600 SEED=…`: a long run; exits with 1 where it finds something."""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.fuzz.run import run_fuzz


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for which requests are drawn (default: 600)")
    parser.add_argument("--seed", type=int, help="of every draw (default: a new one)")
    parser.add_argument("--only", metavar="REGEX", help="operations whose id matches (default: all)")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(2**31)
    print(f"fuzz: seed {seed}, {given.seconds} seconds", flush=True)
    report = run_fuzz(seed=seed, seconds=given.seconds, only=given.only)
    print(report)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
