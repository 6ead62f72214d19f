"""What `make test` runs: export and cleanliness, every notebook, packaging, the README, the results tables.

Each check and each notebook counts once in the closing line `N passed, N failed`.
`python .ci/check.py 20_projection` runs the notebooks whose path contains one of the words, and no other check."""

import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 2


def sources() -> dict:
    "Hash of every notebook and every exported module."
    files = [*ROOT.glob("nbs/**/*.ipynb"), *ROOT.glob("geopurify/**/*.py")]
    return {
        f.relative_to(ROOT): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in files
        if ".ipynb_checkpoints" not in f.parts
    }


def unchanged_by(*command: str):
    "Fail when `command` changes a notebook or an exported module; what it changed is left for inspection."
    before = sources()
    subprocess.run(command, cwd=ROOT, check=True)
    after = sources()
    different = sorted(str(f) for f in before.keys() | after.keys() if before.get(f) != after.get(f))
    assert not different, f"`{command[-1]}` changes {different}: run it and commit the result"


def exported():
    unchanged_by(sys.executable, "-c", "import nbdev; nbdev.nbdev_export()")


def clean():
    unchanged_by(sys.executable, "-c", "from nbdev.clean import nbdev_clean; nbdev_clean()")


def import_is_light():
    "`import geopurify` loads no text model and takes less than five seconds."
    code = (
        "import time, sys; t = time.perf_counter(); import geopurify; s = time.perf_counter() - t; "
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'spconv', 'plotly', 'trimesh'} & set(sys.modules); "
        "assert s < 5 and not heavy, f'{s:.1f} s, loads {heavy}'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tempfile.gettempdir())


def installs():
    "An installed package (not this checkout) has its weights, manifests and command line."
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--no-build-isolation",
                "--target",
                folder,
                str(ROOT),
            ],
            check=True,
        )
        code = (
            "import geopurify; from pathlib import Path; assert Path(geopurify.__file__).is_relative_to(Path.cwd()), geopurify.__file__; "
            "from geopurify.base.core import label_set, weights_path; assert len(label_set('scannet20')) == 20; "
            "from geopurify import GeoPurify; print(GeoPurify.from_pretrained('rooms')); "
            "from geopurify.show.cli import main; main(['--version'])"
        )
        env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONPATH": folder}
        subprocess.run([sys.executable, "-c", code], check=True, cwd=folder, env=env)


def readme_is_fresh():
    sys.path.insert(0, str(ROOT / ".ci"))
    import readme

    assert (ROOT / "README.md").read_text(encoding="utf-8") == readme.render(), (
        "README.md differs from nbs/index.ipynb: run `make readme`"
    )


def tables_run():
    "Every results table on the small grid, computed anew; `make tables` does the same."
    shutil.rmtree(ROOT / "runs" / "smoke" / "results", ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "geopurify", "tables", "--grid", "smoke", "--jobs", str(WORKERS)], check=True, cwd=ROOT
    )


def run_notebook(path: Path):
    "One notebook under nbdev's test runner: cells marked `slow` or `cuda` are left out."
    os.environ.setdefault("TQDM_DISABLE", "1")
    from nbdev.config import get_config
    from nbdev.test import test_nb

    os.chdir(ROOT)
    return test_nb(path, skip_flags=set(get_config().tst_flags.split()), do_print=False)


def notebooks(words) -> list:
    from nbdev.doclinks import nbglob

    os.chdir(ROOT)
    found = sorted(Path(p) for p in nbglob())
    return [p for p in found if not words or any(w in str(p) for w in words)]


def main(words) -> int:
    passed, failed = 0, []

    def report(name, ok, seconds):
        nonlocal passed
        passed += ok
        if not ok:
            failed.append(name)
        print(f"{'ok  ' if ok else 'FAIL'} {seconds:6.1f} s  {name}", flush=True)

    def check(function):
        started = time.perf_counter()
        try:
            function()
            ok = True
        except Exception:
            traceback.print_exc()
            ok = False
        report(function.__name__, ok, time.perf_counter() - started)

    if not words:
        for function in (exported, clean):
            check(function)
    # a process of its own for each: a notebook shell takes over `__main__`
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        runs = {pool.submit(run_notebook, p): p for p in notebooks(words)}
        for run in as_completed(runs):
            name = str(runs[run].relative_to(ROOT) if runs[run].is_absolute() else runs[run])
            if run.exception():
                traceback.print_exception(run.exception())
            report(name, *((False, 0.0) if run.exception() else run.result()))
    if not words:
        for function in (import_is_light, installs, readme_is_fresh, tables_run):
            check(function)
    if failed:
        print("failed:", ", ".join(failed))
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
