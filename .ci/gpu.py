"""What `make gpu` runs: all of this project that is made for a GPU, part by part, into one file of results.

It uses the environment that is there (`make gpu PYTHON=/path/to/python`), installs nothing, and needs neither a network
nor anything outside the repository. A part takes ten minutes at most. What is done stands in
`results/benchmarks/gpu-CARD.json` and is not done again for the same commit: after an interruption, the same command
goes on. `--fresh` begins anew, `--list` prints the parts, words choose parts by name. What a part prints is in
`runs/gpu/PART.log`. Exit code 0: all parts passed; 1: some did not; 2: there is no GPU that torch can use."""

import argparse
import csv
import datetime
import importlib.util
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / 'runs' / 'gpu'
LIMIT = 600  # seconds a part may take

# A command of `geopurify` that says at its end how much memory of the GPU it held at most.
COMMAND = """
import atexit, sys, torch
atexit.register(lambda: print(f'peak GPU memory {torch.cuda.max_memory_allocated() / 1e9:.2f} GB', flush=True))
from geopurify.show.cli import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Part:
    "A command, and where its figures are afterwards."

    name: str
    what: str  # For people
    command: list[str]  # Arguments of this Python; empty: it cannot be run yet, and `what` says why
    needs: tuple[str, ...] = ()  # Modules
    figures: Callable[[], list[dict]] = list  # Rows for the file of results


# --------------------------------------------------------------------------------------------------------------- parts


def parts(work: Path, version: str) -> list[Part]:
    "All that `make gpu` runs, in order: what is quick and says most comes first. `version` is that of the code."
    return [*cells(), *benchmarks(work), *paper_epoch(work, version), *rehearsal(work)]


def cells() -> list[Part]:
    "Notebooks with cells marked `cuda`, with these cells."
    marked = [p for p in sorted(ROOT.glob('nbs/**/*.ipynb')) if '"#| cuda' in p.read_text(encoding='utf-8')]
    return [
        Part(f'cells {p.stem}', f'the cells for a GPU in {p.stem}', ['.ci/check.py', '--cuda', p.name], ('nbdev',))
        for p in marked
    ]


def benchmarks(work: Path) -> list[Part]:
    "The engine in three parts, X-Decoder and Sonata, with random weights."
    engine = {
        what: benchmark(work, 'engine', f'measure: [{what}]', 'devices: [cuda]', f'rooms: {work / "rooms"}')
        for what in ('stages', 'growth', 'training')
    }
    about = dict(
        stages='the engine beside the official way: neighbours, affinities, pooling of 270,000 voxels',
        growth='the engine on up to a million voxels',
        training='training steps of the presets rooms and paper, part by part',
    )
    kinds = dict(stages=('machine', 'stage', 'check'), growth=('growth',), training=('frozen', 'step', 'profile'))
    tools = 'papermill', 'ipykernel'
    folder = work / 'results' / 'benchmarks'

    def engine_rows(what):
        return lambda: [r for r in table(folder / 'engine_runs.csv', device='cuda') if r['part'] in kinds[what]]

    return [
        *(
            Part(f'engine {what}', about[what], command, (*tools, 'faiss'), engine_rows(what))
            for what, command in engine.items()
        ),
        *(
            Part(
                f'benchmark {name}',
                f'time and memory of {title} at full size, random weights',
                benchmark(work, name, 'device: cuda'),
                tools,
                lambda name=name: table(folder / f'{name}_cuda.csv'),
            )
            for name, title in (('xdecoder', 'X-Decoder'), ('sonata', 'Sonata'))
        ),
    ]


def benchmark(work: Path, name: str, *parameters: str) -> list[str]:
    "The command of a benchmark's notebook."
    notebook, done = ROOT / 'nbs' / 'benchmarks' / f'{name}.ipynb', work / f'{name}.ipynb'
    given = [word for p in (f'results: {work / "results"}', *parameters) for word in ('-y', p)]
    kernel = ['--cwd', str(notebook.parent), '-k', 'python3', '--log-output', '--no-progress-bar']
    return ['-m', 'papermill', *kernel, str(notebook), str(done), *given]


def paper_epoch(work: Path, version: str) -> list[Part]:
    "Twenty rooms, a Sonata of full size with random weights, and one epoch of the preset `paper`."
    rooms, teacher, out = work / 'train', work / 'sonata.pth', work / f'paper-{version[:12]}'
    modules = 'from geopurify.geometry.sonata import SonataConfig; from geopurify.results.standins import write_sonata'
    write = f'{modules}; write_sonata({str(teacher)!r}, SonataConfig())'
    models = f'--vlm gpu:embedded --teacher {teacher}'
    train = f'train --scenes {rooms} --out {out} --preset paper --epochs 1 --device cuda {models}'
    return [
        Part('paper rooms', 'twenty rooms to train on', geopurify(f'rooms --out {rooms} --count 20 --views 20')),
        Part('paper teacher', 'a Sonata of full size with random weights', ['-c', write]),
        Part(
            'paper epoch',
            'one epoch of the preset paper over twenty rooms, lifting and teacher included',
            geopurify(train),
            figures=lambda: table(out / 'log.csv'),
        ),
    ]


def embedded(names, device):
    "The embedded 2D model with class names for views to agree on, which the preset `paper` asks for (`--vlm`)."
    from geopurify.semantics.lseg import LSegVLM

    model = LSegVLM.from_pretrained('rooms', device=device)
    model.names = tuple(names)
    return model


def rehearsal(work: Path) -> list[Part]:
    "The paper's experiment on stand-ins for the official data; the place to follow `make rehearsal`."
    if not (ROOT / '.ci' / 'rehearsal.py').is_file():
        return [Part('rehearsal', 'waits for .ci/rehearsal.py, which is not part of this checkout', [])]
    command = ['.ci/rehearsal.py', '--device', 'cuda', '--out', str(work / 'rehearsal')]
    return [Part('rehearsal', "the paper's experiment on stand-ins for the official data", command)]


def geopurify(line: str) -> list[str]:
    return ['-c', COMMAND, *line.split()]


def table(path: Path, **wanted) -> list[dict]:
    "Rows of a CSV file, numbers as numbers, without what is empty; none where there is no file."
    if not path.is_file():
        return []
    with open(path, newline='', encoding='utf-8') as f:
        rows = [{k: number(v) for k, v in row.items() if v != ''} for row in csv.DictReader(f)]
    return [row for row in rows if all(row.get(k) == v for k, v in wanted.items())]


def number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


# ------------------------------------------------------------------------------------------------------------- running


class NoGPU(Exception):
    "Says why nothing can be run."


def card() -> dict:
    "The GPU and what drives it. Raises `NoGPU` where torch has none."
    if not importlib.util.find_spec('torch'):
        raise NoGPU(f'{sys.executable} has no torch; name an environment that has one: make gpu PYTHON=/path/to/python')
    import torch

    if not torch.cuda.is_available():
        built = f'torch {torch.__version__} of {sys.executable}'
        driver = 'nvidia-smi is there' if shutil.which('nvidia-smi') else 'nvidia-smi is not there either: no driver?'
        why = f'sees no device ({driver})' if torch.version.cuda else 'is built without CUDA'
        raise NoGPU(f'there is no GPU here: {built} {why}. Nothing was run.')
    versions = dict(python=platform.python_version(), torch=torch.__version__, cuda=torch.version.cuda)
    memory = torch.cuda.get_device_properties(0).total_memory / 1e9
    return dict(card=torch.cuda.get_device_name(0), memory_GB=round(memory, 1), cores=os.cpu_count(), **versions)


def commit() -> str:
    "Of the checkout, with a mark where files of it were changed; empty without git."
    try:
        head = subprocess.run(['git', 'rev-parse', 'HEAD'], cwd=ROOT, capture_output=True, text=True, check=True)
        status = ['git', 'status', '--porcelain', '--untracked-files=no', 'geopurify', 'nbs', '.ci']
        changed = subprocess.run(status, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ''
    return head.stdout.strip() + ('-changed' if changed else '')


def run(part: Part, work: Path, limit: float = LIMIT) -> dict:
    "What became of a part: whether it passed, its seconds and figures, and why not."
    if missing := [name for name in part.needs if not importlib.util.find_spec(name)]:
        return dict(ok=False, error=f'{sys.executable} lacks {", ".join(missing)}')
    if not part.command:
        return dict(ok=False, error=part.what)
    log, started = work / f'{part.name.replace(" ", "-")}.log', time.perf_counter()
    env = os.environ | dict(PYTHONPATH=os.pathsep.join([str(ROOT), str(ROOT / '.ci')]), TQDM_DISABLE='1')
    with open(log, 'w', encoding='utf-8') as f:
        command = [sys.executable, *part.command]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=f, stderr=f, start_new_session=True)
        try:
            error = '' if process.wait(limit) == 0 else last_line(log)
        except subprocess.TimeoutExpired:
            error = f'stopped after {limit:g} s'
        finally:
            stop(process)
    said = re.findall('peak GPU memory ([0-9.]+) GB', log.read_text(encoding='utf-8', errors='replace'))
    out = dict(ok=not error, seconds=round(time.perf_counter() - started, 1), figures=part.figures())
    return out | (dict(error=error) if error else {}) | (dict(peak_GB=float(said[-1])) if said else {})


def stop(process: subprocess.Popen):
    "A part and the processes that it started."
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding='utf-8', errors='replace').splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else 'it failed without a word'


def run_all(todo: list[Part], file: Path, about: dict, work: Path, limit: float = LIMIT) -> bool:
    "Run what has not passed yet, and write the file of results after each part; whether all of `todo` has passed."
    work.mkdir(parents=True, exist_ok=True)
    stored = json.loads(file.read_text(encoding='utf-8')) if file.is_file() else dict(parts={})
    for part in todo:
        before = stored['parts'].get(part.name, {})
        if before.get('ok') and before.get('commit') == about['commit']:
            print(f'before {before["seconds"]:7.1f} s  {part.name}: passed for this commit', flush=True)
            continue
        done = run(part, work, limit) | dict(commit=about['commit'], date=datetime.date.today().isoformat())
        stored = about | dict(parts=stored['parts'] | {part.name: done})
        save(stored, file)
        mark = 'ok    ' if done['ok'] else 'FAILED'
        print(f'{mark} {done.get("seconds", 0):7.1f} s  {part.name}: {done.get("error", part.what)}', flush=True)
    passed = [part.name for part in todo if stored['parts'][part.name]['ok']]
    print(f'{len(passed)} of {len(todo)} parts passed on {about["card"]}; {file}')
    return len(passed) == len(todo)


def save(content: dict, file: Path):
    "Beside its place first, so that an interruption leaves the last whole file."
    beside = file.with_suffix('.tmp')
    beside.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
    os.replace(beside, file)


def results_folder(work: Path):
    "Where benchmarks write: a copy of the stored ones, which their figures are drawn beside."
    folder = work / 'results' / 'benchmarks'
    folder.mkdir(parents=True, exist_ok=True)
    for stored in sorted((ROOT / 'results' / 'benchmarks').glob('*.csv')):
        if not (folder / stored.name).exists():
            shutil.copy(stored, folder)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('words', nargs='*', help='only parts whose name has one of these words')
    parser.add_argument('--fresh', action='store_true', help='forget what was done, and begin anew')
    parser.add_argument('--list', action='store_true', help='print the parts and run nothing')
    options = parser.parse_args(arguments)
    version = commit()
    chosen = [p for p in parts(WORK, version) if not options.words or any(word in p.name for word in options.words)]
    if options.list:
        print(*(f'{part.name:24} {part.what}' for part in chosen), sep='\n')
        return 0
    try:
        about = card() | dict(commit=version)
    except NoGPU as e:
        print(f'make gpu: {e}', file=sys.stderr)
        return 2
    file = ROOT / 'results' / 'benchmarks' / f'gpu-{re.sub("[^A-Za-z0-9]+", "-", about["card"])}.json'
    if options.fresh:
        file.unlink(missing_ok=True)
        shutil.rmtree(WORK, ignore_errors=True)
    results_folder(WORK)
    print(f'{about["card"]}, {about["memory_GB"]} GB; torch {about["torch"]}; {len(chosen)} parts', flush=True)
    return 0 if run_all(chosen, file, about, WORK) else 1


if __name__ == '__main__':
    sys.exit(main())
