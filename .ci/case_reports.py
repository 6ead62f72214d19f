"""The cases of public reports: each makes its input, and the value that is right for it stands here.

`.ci/cases.py` runs them."""

import contextlib
import io
import json
import os
import runpy
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from geopurify.base import core
from geopurify.base.core import InputError, weights_path
from geopurify.geometry import student
from geopurify.purify.pipeline import GeoPurify
from geopurify.readers.load import load_scene
from geopurify.rooms import write as rooms
from geopurify.scans import scene
from geopurify.scans.scene import read_ply
from geopurify.show.cli import main as command_line


class Outcome(NamedTuple):
    "What a case gave."

    expected: str
    got: str
    ok: bool


CASES: dict[str, Callable[['Made'], Outcome]] = {}


class Made:
    "The input of a case, and what reading it gives."

    def __init__(self, folder: Path, room: Path):
        self.folder, self.room = folder, room

    def load(self, **options):
        "The scene and what was warned of, or the error."
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter('always')
            try:
                found = load_scene(self.folder, **options)
            except InputError as e:
                return None, f'refused: {e}'
            return found, ' | '.join(str(w.message) for w in said)

    def cloud(self, thin: int = 8) -> dict:
        "The room's own cloud, thinned as the cases thin it."
        return {k: v[::thin] for k, v in read_ply(next(self.room.glob('*_vh_clean_2.ply'))).items() if k != 'faces'}


def case(name: str):
    "Keep a function under the name of its case."

    def keep(function: Callable[[Made], Outcome]):
        CASES[name] = function
        return function

    return keep


def outcome(expected: str, value, said: str, ok: bool) -> Outcome:
    return Outcome(expected, f'{value}; {said[:300]}' if said else str(value), bool(ok))


def refused(expected: str, said: str, *words: str) -> Outcome:
    "Right where the refusal has the words."
    return Outcome(expected, said[:400], said.startswith('refused') and all(w in said for w in words))


def run_command(*words: str) -> tuple[int, str]:
    "Exit code and what was printed."
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        code = command_line(list(words))
    return code, text.getvalue()


# ----------------------------------------------------------------------------------------------------- points and faces


@case('01-ply-float-colours')
def float_colours(made):
    found, said = made.load()
    expected = "the room's colours within 1, or a refusal that says float colours"
    if found is None:
        return refused(expected, said, 'float')
    off = abs(found.colors.astype(int) - made.cloud()['colors']).max()
    return outcome(expected, f'off by {off}', said, off <= 1)


@case('03-quad-faces-ascii')
def quad_faces(made):
    found, said = made.load()
    if found is None:
        return refused('median depth 1.607', said, 'never')
    depth, faces = float(np.median(found.views[0].depth)), read_ply(made.folder / 'scene.ply')['faces'].shape
    return outcome(
        'median depth 1.607, faces (19200,3)',
        f'{depth:.3f}, {faces}',
        said,
        abs(depth - 1.607) < 2e-3 and faces == (19200, 3),
    )


@case('18-nan-normals')
def nan_normals(made):
    found, said = made.load()
    expected = 'normals finite, every hundredth 0, or a refusal that says normals'
    if found is None:
        return refused(expected, said, 'normals')
    finite, zero = np.isfinite(found.normals).all(), (found.normals[::100] == 0).all()
    return outcome(expected, f'finite {finite}, zero {zero}', said, finite and zero)


@case('20-comment-not-ascii')
def comment(made):
    found, said = made.load()
    if found is None:
        return refused('10653 points', said, 'never')
    same = np.array_equal(found.colors, made.cloud()['colors'])
    return outcome('10653 points, colours of the room', f'{len(found)}, {same}', said, len(found) == 10653 and same)


@case('51-grey-points')
def grey_points(made):
    found, said = made.load()
    result = GeoPurify.from_pretrained('rooms').segment(found, 'scannet19').evaluate()
    return outcome('mIoU 34.9', f'{100 * result.miou:.1f}', said, abs(100 * result.miou - 34.9) < 0.5)


# --------------------------------------------------------------------------------------------------------------- labels


@case('11-label-uint32-minus-one')
def huge_label(made):
    found, said = made.load()
    if found is None:
        return refused('200 unlabelled, the rest as made', said, 'never')
    ids = read_ply(made.folder / 'cloud.ply')['label'].astype(np.int64)
    want = np.where((ids >= 1) & (ids <= 3), ids - 1, -1)
    return outcome(
        '200 unlabelled, the rest as made', np.array_equal(found.labels, want), said, (found.labels == want).all()
    )


@case('55-label-149')
def outside_label(made):
    found, said = made.load()
    lost = int((found.labels[:90] == -1).sum())
    return outcome('the first 90 points -1', lost, said, lost == 90)


# --------------------------------------------------------------------------------------------------- pictures and depth


def _room_image(made, k=0):
    from PIL import Image

    stems = sorted((p for p in (made.room / 'color').iterdir()), key=lambda p: int(p.stem))
    picked = stems[np.linspace(0, len(stems) - 1, 8).round().astype(int)[k]]
    return Image.open(picked)


@case('08-colour-16-bit-grey')
def grey_16(made):
    found, said = made.load()
    expected = 'grey of the room within 1, or a refusal that says 16 bit'
    if found is None:
        return refused(expected, said, '16 bit')
    grey = np.asarray(_room_image(made).convert('L').resize(found.views[0].size[::-1])).astype(int)
    off = abs(found.views[0].image[..., 0].astype(int) - grey).max()
    return outcome(expected, f'off by {off}', said, off <= 1)


@case('10-exif-upside-down')
def exif(made):
    found, said = made.load()
    expected = 'upright within 3 grey levels, or a warning that names EXIF'
    if found is None:
        return refused(expected, said, 'never')
    upright = np.asarray(_room_image(made).convert('RGB').resize(found.views[0].size[::-1])).astype(int)
    off = abs(found.views[0].image.astype(int) - upright).mean()
    return outcome(expected, f'off by {off:.1f}', said, off < 3 or 'EXIF' in said)


@case('52-colour-png')
def colour_png(made):
    found, said = made.load()
    return outcome('8 views', len(found.views), said, len(found.views) == 8)


@case('22-depth-npy-with-channel')
def depth_channel(made):
    found, said = made.load()
    if found is None:
        return refused('240×320, median 1.334', said, 'never')
    raw = [np.load(p)[..., 0] for p in sorted((made.folder / 'depths').glob('*.npy'))]
    want, depth = np.median(raw[0][raw[0] > 0]) / 1000, found.views[0].depth
    got = float(np.median(depth[depth > 0]))
    return outcome(
        f'240×320, median {want:.3f}',
        f'{depth.shape}, {got:.3f}',
        said,
        depth.shape == (240, 320) and abs(got - want) < 1e-3,
    )


@case('53-depth-smaller-than-colour')
def small_depth(made):
    found, said = made.load()
    unseen = float((GeoPurify.from_pretrained('rooms').lift(found).coverage == 0).float().mean())
    return outcome('unseen 0.282', f'{unseen:.3f}', said, abs(unseen - 0.282) < 0.005)


@case('54-rgba-depth')
def rgba_depth(made):
    _, said = made.load()
    return refused('a refusal: one channel', said, 'one channel')


@case('50-depth-minmax')
def stretched_depth(made):
    found, said = made.load()
    expected = 'a refusal that says depth scale'
    if found is None:
        return refused(expected, said, 'depth')
    try:
        GeoPurify.from_pretrained('rooms').segment(found, 'scannet19')
    except InputError as e:
        return refused(expected, f'refused: {e}', 'depth scale')
    return Outcome(expected, f'accepted; {said}', False)


# ----------------------------------------------------------------------------------------------------- frames and poses


@case('06-frames-with-different-gaps')
def gaps(made):
    found, said = made.load()
    expected = '18 views without 2 and 15 and a warning, or a refusal that names 2.jpg and 15.png'
    if found is None:
        return refused(expected, said, '2', '15')
    names = {v.name for v in found.views}
    ok = len(found.views) == 18 and not names & {'2', '15'} and said
    return outcome(expected, f'{len(found.views)} views, with {sorted(names & {"2", "15"})}', said, ok)


@case('13-axis-aligned-cloud')
def aligned(made):
    found, said = made.load()
    expected = 'a warning or a refusal that depth and cloud disagree'
    if found is None:
        return refused(expected, said, 'cloud')
    return outcome(expected, 'read', said, 'cloud' in said and 'depth' in said)


@case('15-instant-ngp-depth_path')
def depth_path(made):
    from PIL import Image

    found, said = made.load()
    if found is None:
        return refused('depth of the files', said, 'never')
    want = np.asarray(Image.open(made.folder / 'depths/0.png')) / np.float32(1000)
    same = np.allclose(found.views[0].depth, want, atol=1e-6)
    return outcome('depth of the files', same, said, same)


@case('27-pose-1.#IND')
def lost_poses(made):
    got = []
    for words in ('-1.#IND', '1.#QNAN', 'nan', '-inf', '-nan(ind)', 'NaN', '1.#INF'):
        (made.folder / 'pose/1.txt').write_text(f'{words} {words} {words} {words}\n' * 4)
        found, said = made.load()
        got.append(f'{words}: {said}' if found is None or len(found.views) != 7 or '1 of 8' not in said else '7 views')
    return Outcome('7 views and a warning, in every spelling', ' | '.join(got)[:500], set(got) == {'7 views'})


@case('56-pose-minus-inf')
def infinite_pose(made):
    found, said = made.load()
    return outcome('7 views, one warning', len(found.views), said, len(found.views) == 7 and said.count('dropped') == 1)


# --------------------------------------------------------------------------------------------- class names, checkpoints


@case('23-more-than-255-classes')
def many_classes(made):
    names, out = ','.join(f'thing {i}' for i in range(300)), made.folder.parent / 'result'
    code, text = run_command('segment', str(made.folder), '--classes', names, '--out', str(out))
    there = {p.name for p in out.iterdir()} if out.is_dir() else set()
    wanted = {'labels.ply', 'classes.csv', 'points.csv'}
    return Outcome(
        f'exit code 0 and {sorted(wanted)}', f'{code}, {sorted(there)}; {text[-200:]}', code == 0 and wanted <= there
    )


@case('25-classes-that-scene-lacks')
def absent_classes(made):
    out = made.folder.parent / 'e.csv'
    words = ('--classes', 'unicorn,dragon', '--methods', 'lifted', '--out', str(out))
    code, text = run_command('evaluate', str(made.folder), *words)
    ok = code == 2 and all(w in text for w in ('unicorn', 'dragon', 'chair', 'wall'))
    return Outcome('exit code 2, and the names that the labels have', f'{code}; {text[-300:]}', ok)


@case('29-checkpoint-prefixes')
def prefixes(made):
    want = student.load_student(weights_path('student_rooms.safetensors')).state_dict()
    got = []
    for path in sorted(made.folder.glob('*.pt')):
        try:
            found = student.load_student(path).state_dict()
            got.append('equal' if all((found[k] == v).all() for k, v in want.items()) else f'{path.name} differs')
        except InputError as e:
            got.append(str(e)[:150])
    return Outcome('three students, equal to the shipped one', ' | '.join(got), got == ['equal'] * 3)


# ------------------------------------------------------------------------------------------------------------------ run


def name_modules_as_reported():
    "Modules under the names that the cases' scripts import."
    import geopurify.rooms

    sys.modules |= {'geopurify.scene': scene, 'geopurify.core': core, 'geopurify.student': student}
    geopurify.rooms.make_rooms = rooms.make_rooms


def make(script: Path, out: Path):
    "Run a case's script."
    before = sys.argv, list(sys.path)
    try:
        sys.argv = [str(script), str(out)]
        runpy.run_path(str(script), run_name='__main__')
    finally:
        sys.argv, sys.path[:] = before


def reports(folder: Path, chosen: Callable[[str], bool]) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    "Each report with what makes and judges it; `GEOPURIFY_ROOM`, the folder of a made room, saves making one."
    name_modules_as_reported()
    os.environ.setdefault('TQDM_DISABLE', '1')
    with tempfile.TemporaryDirectory() as temporary:
        if 'GEOPURIFY_ROOM' not in os.environ:
            os.environ['GEOPURIFY_ROOM'] = str(rooms.make_rooms(Path(temporary) / 'rooms', 'test', 1, jobs=1)[0])
        for name in json.loads((folder / 'index.json').read_text()):
            if chosen(name):
                made = Made(Path(temporary) / name / 'input', Path(os.environ['GEOPURIFY_ROOM']))
                yield name, lambda name=name, made=made: judge(folder / name, made)


def judge(case_folder: Path, made: Made) -> Outcome:
    made.folder.parent.mkdir()
    make(case_folder / 'make.py', made.folder)
    if case_folder.name not in CASES:
        return Outcome('a case that is known here', 'unknown', False)
    return CASES[case_folder.name](made)
