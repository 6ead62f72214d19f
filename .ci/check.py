"""What `make test` runs: export and cleanliness, lint, every notebook, packaging, the README, the site, the tables.

Each check and each notebook counts once in the closing line `N passed, N failed`.
`python .ci/check.py 20_projection` runs the notebooks whose path contains one of the words, and no other check;
`--quick` runs those of QUICK and the checks of an installation, `--slow` those with slow cells, slow cells included,
`--cuda` likewise those with cells for a GPU (`.ci/gpu.py` runs them)."""

import argparse
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2

# Notebooks of seconds that together touch every package: for another Python, or before a commit.
QUICK = (
    '00_core 00a_checkpoints 00d_testing 00e_choices 00f_schedule 01_scene 01a_labels 02a_shapes 03_capture '
    '03d_manifest 05_voxels 06_sparse 20_projection 21_vlm 24_precomputed 25_models 40_student 50_pooling '
    '51_smoothing 60_evaluation 76_report 91_main'
).split()

LIGHT = """
import sys, time
started = time.perf_counter()
import geopurify
seconds = time.perf_counter() - started
heavy = {'torch', 'numba', 'transformers', 'sentence_transformers', 'spconv', 'plotly', 'trimesh'} & set(sys.modules)
assert seconds < 5 and not heavy, f'{seconds:.1f} s, loads {heavy}'
"""

# Five parts in place of those of `.ci/gpu.py`: the second kills the run the first time, the third takes too long.
GPU_PARTS = """
import os, sys
from pathlib import Path
import gpu

folder = Path(sys.argv[1])
(folder / 'figures.csv').write_text('seconds,device,note\\n2.5,cuda,\\n7,cpu,')
figures = lambda: gpu.table(folder / 'figures.csv', device='cuda')


def part(name, then='', needs=(), **more):
    count = f'f = open({str(folder / name)!r} + "-runs", "a+"); f.write("x"); f.flush(); f.seek(0); n = len(f.read())'
    return gpu.Part(name, 'for this test', ['-c', f'import os, time; {count}; {then}'], needs, **more)


parts = [
    part('first', figures=figures),
    part('killed', f'n > 1 or os.kill({os.getpid()}, 9)'),
    part('slow', 'time.sleep(60)'),
    part('lacking', needs=('no_such_module',)),
    gpu.Part('waiting', 'waits for a file', []),
]
gpu.run_all(parts, folder / 'results.json', dict(card='none', commit='abc'), folder, limit=6)
"""

INSTALLED = """
from pathlib import Path
import geopurify
folder = Path(geopurify.__file__).parent
assert folder.is_relative_to(Path.cwd()), folder
assert (folder / 'py.typed').exists() and not list(Path.cwd().rglob('parity'))
from geopurify.base.core import label_set
assert len(label_set('scannet20')) == 20
from geopurify import GeoPurify
print(GeoPurify.from_pretrained('rooms'))
from geopurify.show.cli import main
main(['--version'])
"""


def python(*arguments: str, **options) -> None:
    "This Python with the arguments, in the project's folder; an error where it fails."
    subprocess.run([sys.executable, *arguments], check=True, **{'cwd': ROOT, **options})


# -------------------------------------------------------------------------------------------------------------- checks


def sources() -> dict:
    "Hash of every notebook and every exported module."
    files = [*ROOT.glob('nbs/**/*.ipynb'), *ROOT.glob('geopurify/**/*.py')]
    return {
        f.relative_to(ROOT): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in files
        if '.ipynb_checkpoints' not in f.parts
    }


def unchanged_by(code: str):
    "Fail when running `code` changes a notebook or an exported module; what it changed is left for inspection."
    before = sources()
    python('-c', code)
    after = sources()
    different = sorted(str(f) for f in before.keys() | after.keys() if before.get(f) != after.get(f))
    assert not different, f'`{code}` changes {different}: run it and commit the result'


def exported():
    unchanged_by('import nbdev; nbdev.nbdev_export()')


def clean():
    unchanged_by('from nbdev.clean import nbdev_clean; nbdev_clean()')


def lint():
    "Format, findings, types and the promises of `.ci/house.py`; `make lint` does the same."
    python('-m', 'ruff', 'format', '--check', '--quiet', '.')
    python('.ci/house.py', '--check')


def import_is_light():
    "`import geopurify` loads no text model and takes less than five seconds."
    python('-c', LIGHT, cwd=tempfile.gettempdir())


def installs():
    "An installed package (not this checkout) has its weights, manifests, types and command line."
    with tempfile.TemporaryDirectory() as folder:
        options = ['--quiet', '--no-deps', '--no-build-isolation', '--target', folder]
        python('-m', 'pip', 'install', *options, str(ROOT))
        env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'} | {'PYTHONPATH': folder}
        python('-c', INSTALLED, cwd=folder, env=env)


def damaged_files():
    "A minute of files damaged at random, by a seed: none may end in an exception other than the package's own."
    python('-m', 'geopurify.results.fuzz', '--minutes', '1')


def readme_is_fresh():
    sys.path.insert(0, str(ROOT / '.ci'))
    import readme

    written = (ROOT / 'README.md').read_text(encoding='utf-8')
    assert written == readme.render(), 'README.md differs from nbs/index.ipynb: run `make readme`'


def tables_run():
    "Every results table on the small grid, computed anew; `make tables` does the same."
    shutil.rmtree(ROOT / 'runs' / 'smoke' / 'results', ignore_errors=True)
    python('-m', 'geopurify', 'tables', '--grid', 'smoke', '--jobs', str(WORKERS))


def gpu_goes_on():
    """`make gpu` says so where there is no GPU; what passed is not run again, what did not is; what takes too long is
    stopped; a run that is killed goes on with the part that it was killed in."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | dict(CUDA_VISIBLE_DEVICES='')
        none = subprocess.run([sys.executable, '.ci/gpu.py'], cwd=ROOT, env=env, capture_output=True, text=True)
        assert none.returncode == 2 and 'there is no GPU here' in none.stderr, none
        counted = [(Path(folder) / f'{name}-runs') for name in ('first', 'killed', 'slow', 'lacking')]
        for expected in ([1, 1, 0, 0], [1, 2, 1, 0], [1, 2, 2, 0]):  # the runs of each part so far
            subprocess.run([sys.executable, '-c', GPU_PARTS, folder], cwd=ROOT / '.ci', check=False)
            runs = [len(file.read_text()) if file.exists() else 0 for file in counted]
            assert runs == expected, (runs, expected)
        stored = json.loads((Path(folder) / 'results.json').read_text())
        said = {name: part.get('error', 'ok') for name, part in stored['parts'].items()}
        assert said['first'] == said['killed'] == 'ok' and said['slow'] == 'stopped after 6 s', said
        assert 'lacks no_such_module' in said['lacking'] and said['waiting'] == 'waits for a file', said
        assert stored['card'] == 'none' and stored['parts']['first']['figures'] == [dict(seconds=2.5, device='cuda')]


def rehearsal():
    "The road from an official download to the paper's tables, and every table notebook, on stand-ins."
    with tempfile.TemporaryDirectory() as folder:
        python('.ci/rehearsal.py', '--tables', '--out', folder)


def docs():
    "The site, strictly: a link that leads nowhere is an error."
    python('docs/build.py')


# ----------------------------------------------------------------------------------------------------------- notebooks


def run_notebook(path: Path, also: str = '') -> tuple[bool, float]:
    "One notebook under nbdev's test runner; of the cells marked `slow` or `cuda` only those of the kind `also`."
    os.environ.setdefault('TQDM_DISABLE', '1')
    from nbdev.config import get_config
    from nbdev.test import test_nb

    os.chdir(ROOT)
    flags = set(get_config().tst_flags.split())
    return test_nb(path, skip_flags=flags - {also}, do_print=False)


def in_a_process(function: Callable, *arguments):
    """What the function returns in a new process that ends with it; an error where that process dies.

    A pool of one each, since a pool with `max_tasks_per_child` can wait for ever for a worker that it forgot to
    start (CPython issue 115634)."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
        return pool.submit(function, *arguments).result()


def notebooks(words: list[str], also: str = '') -> list[Path]:
    "Those whose path has one of the words, or all; of these only those with cells of the kind `also`."
    from nbdev.doclinks import nbglob

    os.chdir(ROOT)
    found = sorted(Path(p) for p in nbglob())
    found = [p for p in found if not words or any(w in str(p) for w in words)]
    return [p for p in found if f'"#| {also}' in p.read_text(encoding='utf-8')] if also else found


class Tally:
    "What passed and what failed; a line for each as it ends."

    def __init__(self):
        self.passed, self.failed = 0, []

    def add(self, name: str, ok: bool, seconds: float):
        self.passed += ok
        self.failed += [] if ok else [name]
        print(f'{"ok  " if ok else "FAIL"} {seconds:6.1f} s  {name}', flush=True)

    def run_checks(self, functions: Iterable[Callable[[], None]]):
        for function in functions:
            started = time.perf_counter()
            try:
                function()
                ok = True
            except Exception:
                traceback.print_exc()
                ok = False
            self.add(function.__name__, ok, time.perf_counter() - started)

    def run_notebooks(self, paths: list[Path], also: str):
        "A process of its own for each: a notebook shell takes over `__main__`."
        with ThreadPoolExecutor(WORKERS) as pool:
            runs = {pool.submit(in_a_process, run_notebook, p, also): p for p in paths}
            for run in as_completed(runs):
                path = runs[run]
                name = str(path.relative_to(ROOT) if path.is_absolute() else path)
                if run.exception():
                    traceback.print_exception(run.exception())
                self.add(name, *((False, 0.0) if run.exception() else run.result()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('words', nargs='*', help='notebooks whose path contains one of them, and no other check')
    parser.add_argument('--quick', action='store_true', help='the notebooks of QUICK, and does the package install')
    parser.add_argument('--slow', action='store_true', help='only notebooks with slow cells, and all their cells')
    parser.add_argument('--cuda', action='store_true', help='only notebooks with cells for a GPU, and these cells, too')
    options = parser.parse_args()
    also = 'slow' if options.slow else 'cuda' if options.cuda else ''

    before, after = (
        (exported, clean, lint),
        (import_is_light, installs, readme_is_fresh, gpu_goes_on, damaged_files, docs, tables_run, rehearsal),
    )
    if options.quick:
        before, after = (), (import_is_light, installs)
    elif options.words or also:
        before, after = (), ()
    tally = Tally()
    tally.run_checks(before)
    tally.run_notebooks(notebooks(QUICK if options.quick else options.words, also), also)
    tally.run_checks(after)
    if tally.failed:
        print('failed:', ', '.join(tally.failed))
    print(f'{tally.passed} passed, {len(tally.failed)} failed')
    return 1 if tally.failed or not tally.passed else 0


if __name__ == '__main__':
    sys.exit(main())
