"""`make rehearsal`: every stage from an official download to the paper's tables, on stand-ins, each stage named.

Made rooms under official names take the place of ScanNet, Matterport3D and Replica, the embedded 2D model that of
X-Decoder where numbers should mean something, and networks with random weights and official key names where plumbing
is tested.
The closing line is `N passed, N failed`; what was written stays in --out, and the same command goes on there."""

import argparse
import contextlib
import io
import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from geopurify.base.core import StudentConfig
from geopurify.results import reproduce as paper
from geopurify.results.runner import run_tables
from geopurify.results.standins import (
    SMALL_XDECODER,
    write_matterport,
    write_replica,
    write_scannet,
    write_sonata,
    write_student,
    write_xdecoder,
)
from geopurify.rooms.write import make_rooms
from geopurify.scans.labels import EXPERIMENTS, split

SMALL = dict(views=6, size=(120, 160), jobs=1, progress=False)
EMBEDDED = dict(vlm='rooms', second='rooms', preset='rooms')


class Stages:
    "What passed and what failed; the output of a stage is shown where it fails."

    def __init__(self):
        self.passed, self.failed = 0, []

    def run(self, name: str, work: Callable[[], None], show: bool = False):
        started, said = time.perf_counter(), io.StringIO()
        try:
            with contextlib.nullcontext() if show else contextlib.redirect_stdout(said):
                work()
            ok = True
        except Exception:
            print(said.getvalue()[-4000:])
            traceback.print_exc()
            ok = False
        self.passed += ok
        self.failed += [] if ok else [name]
        print(f'{"ok  " if ok else "FAIL"} {time.perf_counter() - started:6.1f} s  {name}', flush=True)


def downloads(out: Path, train: int, test: int) -> list[Path]:
    "Stand-ins for ScanNet, Matterport3D and Replica: few rooms under the names of the official lists."
    rooms = make_rooms(out / 'rooms', 'train', 2, **SMALL) + make_rooms(out / 'rooms', 'test', 1, **SMALL)
    quiet = dict(spacing=0.03, jobs=1, progress=False)
    scans = split('scannet_train')[:train] + split('scannet_evaluation')[:test]
    regions = split('matterport_train')[:train] + split('matterport_evaluation')[:test]
    write_scannet(rooms, out / 'ScanNet', scans, **quiet)
    write_matterport(rooms, out / 'Matterport3D', regions, **quiet)
    write_replica(rooms, out / 'Replica', split('replica_evaluation')[:test], **quiet)
    return [out / 'ScanNet', out / 'Matterport3D', out / 'Replica']


def weights(out: Path) -> dict[str, str]:
    "Random weights with official key names, in small sizes."
    xdecoder, sonata = write_xdecoder(out / 'xdecoder_focall_last.pt'), write_sonata(out / 'sonata.pth')
    return dict(checkpoint=str(xdecoder), teacher=str(sonata))


def whole_table(out: Path, experiment: str):
    "Every row of the experiment is in the table, with a number or with what it waits for."
    import pandas as pd

    df = pd.read_csv(out / 'results' / f'reproduce-{experiment}.csv')
    assert len(df) == len(paper.rows_of(experiment)) and set(df.kind) == {'stand-in'}
    assert (df.mIoU.notna() | df.waits.notna()).all() and df.mIoU.notna().any()
    assert (df.verdict[df.mIoU.notna()] == 'not comparable').all()
    print(df.to_string())


def released_student(out: Path, found: dict):
    "A checkpoint as the authors' training saves one, evaluated by the command line without training."
    import pandas as pd
    from geopurify.show.cli import main as command

    width = SMALL_XDECODER.dim + 6
    student = write_student(out / 'best.pth', width, StudentConfig(hidden=16))
    scene = next((out / 'random/prepared/scannet').glob('scene*'))
    scores = out / 'released.csv'
    checkpoint = ['--vlm', 'xdecoder', '--checkpoint', found['weights']['checkpoint'], '--max-views', '2']
    asked = ['evaluate', scene, '--model', student, '--preset', 'official', '--methods', 'lifted,student', *checkpoint]
    assert command([str(word) for word in (*asked, '--out', scores)]) == 0
    assert set(pd.read_csv(scores).pooled_by) == {'lifted', 'student'}


def full_size(out: Path, stages: Stages):
    """One scene with X-Decoder and Sonata in their published sizes, random weights, and one step of the preset `paper`:
    half an hour on two cores, and 10 GB of memory."""
    from geopurify.geometry.sonata import SonataConfig
    from geopurify.semantics.xdecoder import FOCAL_L
    from geopurify.show.cli import main as command

    folder, scene = out / 'full', next((out / 'small/prepared/scannet').glob('scene*'))
    xdecoder, sonata, student = folder / 'xdecoder_focall_last.pt', folder / 'sonata.pth', folder / 'student'
    how = ['--vlm', 'xdecoder', '--checkpoint', xdecoder, '--teacher', sonata, '--preset', 'paper', '--max-views', '2']

    def asked(name, *words):
        assert command([str(word) for word in (name, *words, *how)]) == 0

    stages.run(
        'weights in full size', lambda: (write_xdecoder(xdecoder, FOCAL_L, 2), write_sonata(sonata, SonataConfig()))
    )
    stages.run(
        'a step of the preset paper', lambda: asked('train', '--scenes', scene, '--epochs', '1', '--out', student)
    )
    scores = ['--methods', 'lifted,student,teacher', '--out', folder / 'scores.csv']
    stages.run(
        'a scene', lambda: asked('evaluate', scene, '--model', student / 'model.safetensors', *scores), show=True
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=Path('runs/rehearsal'), help='folder for everything that is made')
    parser.add_argument('--tables', action='store_true', help='also every table notebook on both stand-ins')
    parser.add_argument(
        '--full-size', action='store_true', help='also one scene and one step with networks in full size'
    )
    parser.add_argument('--device', help='cpu or cuda (default: cuda when there is a GPU)')
    options = parser.parse_args()
    out, stages, where = options.out.resolve(), Stages(), dict(device=options.device)
    out.mkdir(parents=True, exist_ok=True)
    found: dict = {}

    def reproduce(experiment: str, how: dict, name: str = 'small'):
        paper.reproduce(experiment, found['downloads'], out / name, how | where, seeds=1, jobs=1, grid='smoke')
        whole_table(out / name, experiment)

    stages.run('stand-in downloads', lambda: found.update(downloads=downloads(out, 2, 1)))
    stages.run('stand-in weights', lambda: found.update(weights=weights(out)))
    stages.run('a plan of nothing', lambda: print(paper.plan('transfer', [out / 'rooms'], out, EMBEDDED | where)))
    for name in EXPERIMENTS:
        stages.run(f'reproduce {name}, embedded 2D model', partial(reproduce, name, EMBEDDED))
    random = dict(preset='paper', vlm='xdecoder', second='rooms')
    stages.run(
        'reproduce scannet, random X-Decoder and Sonata',
        lambda: reproduce('scannet', random | found['weights'], 'random'),
    )
    stages.run("evaluate the authors' kind of student", partial(released_student, out, found))
    if options.tables:
        for dataset, other in (('scannet', 'matterport'), ('matterport', 'scannet')):
            prepared = out / 'small' / 'prepared'
            how = EMBEDDED | where | dict(other=str(prepared / other))
            stages.run(f'tables on {dataset}', partial(tables, dataset, prepared / dataset, out, how), show=True)
    if options.full_size:
        full_size(out, stages)
    print(f'{stages.passed} passed, {len(stages.failed)} failed')
    return 1 if stages.failed else 0


def tables(dataset: str, data: Path, out: Path, how: dict):
    "Every table on the small grid; one that fails is named."
    went = run_tables((), dataset, 'smoke', data, jobs=2, results=out / 'tables', how=how)
    assert all(run.ok for run in went), [run.name for run in went if not run.ok]


if __name__ == '__main__':
    os.environ.setdefault('TQDM_DISABLE', '1')
    sys.exit(main())
