"""Is the present slower than an older commit? `python .ci/slower.py REF [SECONDS]`.

The old commit is checked out in a temporary worktree and shares the environment through PYTHONPATH. Both run the same
two things in processes of their own, alternating, five times each: `segment` of a made room, and the engine's stages
(neighbours, affinities, pooling) on a small scan. Printed is the ratio present/old with its 95 % interval, by the clock
and by processor seconds, which other programs on the machine disturb less. No pair is begun after SECONDS (default:
none is left out), and the number of pairs is said."""

import contextlib
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

HERE = Path(__file__).resolve().parent.parent
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}  # Student's t of two sides, by the number of pairs
ENGINE = '''
import numpy as np, torch
from geopurify.purify.pooling import affinity, pool
from geopurify.scans.voxels import nearest_neighbors, voxelize
points = np.random.default_rng(0).random((150_000, 3)) * [5, 5, 0.04]
coords = voxelize(points, 0.02).coords
near = nearest_neighbors(coords, 96)
torch.manual_seed(0)
weights = affinity(torch.randn(len(coords), 128), near, 1 / 20)
pool(weights, torch.randn(len(coords), 20), 19)
'''


@contextlib.contextmanager
def worktree(ref):
    "An older commit in a folder of its own."
    with tempfile.TemporaryDirectory() as d:
        folder = Path(d) / 'old'
        subprocess.run(['git', 'worktree', 'add', '--quiet', '--detach', folder, ref], cwd=HERE, check=True)
        try:
            yield folder
        finally:
            subprocess.run(['git', 'worktree', 'remove', '--force', folder], cwd=HERE, check=True)


def run(arguments, source, work):
    "Clock and processor seconds of a Python process with the package of a folder."
    environment = os.environ | dict(PYTHONPATH=str(source), TQDM_DISABLE='1')
    log = open(work / 'log', 'wb')
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], cwd=work, env=environment, stdout=log, stderr=log)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f'{arguments[:4]} of {source} failed:\n{(work / "log").read_text()[-2000:]}')
    return time.perf_counter() - started, used.ru_utime + used.ru_stime


def ratio(new, old):
    "Geometric mean of the pairs' ratios, and its interval."
    logs = [math.log(a / b) for a, b in zip(new, old)]
    spread = T_95[len(logs)] * stdev(logs) / math.sqrt(len(logs))
    return [math.exp(mean(logs) + d) for d in (0, -spread, spread)]


def main(ref, seconds='inf', pairs=5):
    started = time.perf_counter()
    with worktree(ref) as old, tempfile.TemporaryDirectory() as d:
        work = Path(d)
        run(
            ['-m', 'geopurify', 'rooms', '--out', 'rooms', '--count', '1', '--views', '8', '--split', 'test'],
            HERE,
            work,
        )
        room = next((work / 'rooms').glob('room*'))
        segment = ['-m', 'geopurify', 'segment', room, '--classes', 'chair,table,wall,floor', '--model', 'rooms']
        tasks = {'engine': ['-c', ENGINE], 'segment': [*segment, '--out', 'out']}
        for name, arguments in tasks.items():
            new, before = [], []
            run(arguments, HERE, work)  # the first reads everything from the disk
            while len(new) < pairs and (len(new) < 2 or time.perf_counter() - started < float(seconds)):
                new.append(run(arguments, HERE, work))
                before.append(run(arguments, old, work))
            for how, a, b in zip(('clock', 'processor'), zip(*new), zip(*before)):
                found, low, high = ratio(a, b)
                took = f'{mean(b):6.2f} s → {mean(a):6.2f} s, {len(a)} pairs'
                print(f'{name:8} {how:9} {took}: {found:.3f} ({low:.3f}–{high:.3f})', flush=True)
    print('load of the machine at the end: ' + ', '.join(f'{x:.1f}' for x in os.getloadavg()))


if __name__ == '__main__':
    main(*sys.argv[1:])
