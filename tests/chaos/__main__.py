"""`make chaos MINUTES=10 SEED=…`: a long run, its figures printed; exits with 1 where the ledger is not exact."""

from __future__ import annotations

import argparse
import secrets
import sys

from tests.chaos.run import run_chaos


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long faults come (default: 10)")
    parser.add_argument("--seed", type=int, help="of every draw (default: a new one)")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(2**31)
    print(f"chaos: seed {seed}, {given.minutes:g} minutes", flush=True)
    report = run_chaos(seed=seed, minutes=given.minutes)
    print(report)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
