"""Run every benchmark; return 1 at the first wrong answer."""

import sys

from benchmarks import illness, load, plans, slots, strangers, texts, writers

for benchmark in (slots, plans, illness, writers, texts, strangers, load):
    print(f"\n{benchmark.__doc__}", flush=True)
    if benchmark.main():
        sys.exit(1)
