"""Run every benchmark in turn; 1 as soon as one finds a wrong answer."""

import sys

from benchmarks import illness, load, plans, slots

for benchmark in (slots, plans, illness, load):
    print(f"\n{benchmark.__doc__}", flush=True)
    if benchmark.main():
        sys.exit(1)
