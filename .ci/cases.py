"""Inputs that fail, from public reports and strangers' captures: for each what is expected, what came, and ok or FAIL.

`python .ci/cases.py` looks for the folder `cases` in `../shared`, or where `GEOPURIFY_SHARED` points; words on the
command line choose cases whose names contain one of them."""

import argparse
import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from case_reports import reports

from geopurify.base.core import InputError
from geopurify.readers.check import Diagnosis, check_scene
from geopurify.readers.load import load_scene, pose_agreement

ROOT = Path(__file__).resolve().parent.parent
AGREE = 0.9  # Of what neighbouring views confirm or contradict; right readings of the made room have 0.97 and more


@dataclass
class Outcome:
    "What a case was expected to give, and what it gave."

    expected: str
    got: str
    ok: bool


def cases_folder() -> Path | None:
    "Where the cases lie, or None."
    shared = Path(os.environ.get('GEOPURIFY_SHARED', ROOT.parent / 'shared'))
    return shared / 'cases' if (shared / 'cases').is_dir() else None


# ------------------------------------------------------------------------------------------------------------ captures


def examined(path: Path) -> tuple[Diagnosis | None, str]:
    "What `check` says of a path; where it refuses, only the message."
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            found = check_scene(path)
        except InputError as e:
            return None, str(e)
    return found, re.sub(r'\s+', ' ', repr(found))


def loaded(path: Path, **options) -> tuple[str, float, int]:
    "What `load_scene` warns of, how well neighbouring views agree, and how many there are."
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        scene = load_scene(path, voxel_size=0.05, **options)
    return '; '.join(dict.fromkeys(str(w.message) for w in said)), pose_agreement(scene.views), len(scene.views)


def reads(layout: str, views: int = 8, focal: float | None = 133.14, says: str = '') -> Callable[[Path], Outcome]:
    "`check` names the layout and finds nothing wrong, and `load_scene` gives so many views that agree."

    def run(scan: Path) -> Outcome:
        found, text = examined(scan)
        expected = f'{layout}, {views} views that agree'
        if found is None:
            return Outcome(expected, f'refused: {text}', False)
        if found.layout == 'none known':
            found.write()  # as --fix does: what nobody wrote is guessed once, and then stated
        said, agreement, count = loaded(scan)
        got = f'{found.layout}, wrong: {found.wrong or "nothing"}, {count} views, {agreement:.0%} agree'
        ok = found.layout == layout and not found.wrong and count == views and agreement > AGREE
        if focal is not None:
            measured = float(re.findall(r'f = ([\d.]+)', found['intrinsics'].measured)[0])
            expected, got = f'{expected}, f = {focal}', f'{got}, f = {measured}'
            ok &= abs(measured / focal - 1) < 0.002
        if says:
            expected, ok = f'{expected}, says {says!r}', ok and bool(re.search(says, text + said))
        return Outcome(expected, got, ok)

    return run


def finds(row: str, verdict: str, words: str, writes: dict | None = None) -> Callable[[Path], Outcome]:
    "`check` has a row with this verdict and words in it; `writes` is a part of the correction, {} means there is none."

    def run(scan: Path) -> Outcome:
        found, text = examined(scan)
        expected = f'{row}: {verdict}, {words!r}' + ('' if writes is None else f', writes {writes or "nothing"}')
        if found is None:
            return Outcome(expected, f'refused: {text}', False)
        rows = [f for f in found.findings if f.check == row]
        got = '; '.join(f'{f.verdict}: {f.measured} → {f.remedy}' for f in rows) or f'no row {row}'
        ok = any(re.search(verdict, f.verdict) and re.search(words, f'{f.measured} {f.remedy}') for f in rows)
        if writes is not None:
            got, ok = f'{got}; writes {found.correction}', ok and within(writes, found.correction or {})
        return Outcome(expected, got, ok)

    return run


def within(part: dict, whole: dict) -> bool:
    "Whether a description has what another says; an empty one has no pose convention."
    if not part:
        return not {'direction', 'axes'} & set(whole.get('poses', {}))
    pairs = ((value, whole.get(key)) for key, value in part.items())
    return all(within(v, w or {}) if isinstance(v, dict) else w == v for v, w in pairs)


def refuses(*words: str) -> Callable[[Path], Outcome]:
    "The path is refused with a sentence that has these words."

    def run(scan: Path) -> Outcome:
        found, text = examined(scan)
        return Outcome(f'refused with {words}', text, found is None and all(re.search(w, text) for w in words))

    return run


def either(*runs: Callable[[Path], Outcome]) -> Callable[[Path], Outcome]:
    "One of several outcomes."

    def run(scan: Path) -> Outcome:
        outcomes = [one(scan) for one in runs]
        best = next((o for o in outcomes if o.ok), outcomes[0])
        return Outcome(' or '.join(o.expected for o in outcomes), best.got, best.ok)

    return run


def single_files(scan: Path) -> Outcome:
    "A file in place of a folder: each kind has a sentence of its own."
    wanted = {
        'recording.bag': r'bag',
        'scan.zip': r'zip',
        'cloud.ply': r'(cloud|mesh) alone.*pictures|images',
        'clip.mp4': r'video.*(depth|poses)',
    }
    for name in wanted:
        if not (scan / name).is_file():
            (scan / name).write_bytes(b'ply\n' if name.endswith('ply') else b'')
    messages = {name: examined(scan / name) for name in wanted}
    bad = [n for n, (found, text) in messages.items() if found or 'Errno' in text or not re.search(wanted[n], text)]
    got = ' | '.join(f'{n}: {messages[n][1]}' for n in bad or wanted)
    return Outcome('a sentence for .bag, .zip, .ply and .mp4 each', got, not bad)


def pages_beside_each_other(_) -> Outcome:
    "`segment` and `query` into one folder leave a page each."
    from geopurify.show.cli import main

    scan, out = scan_of('one_depth_missing').with_name('pages'), tempfile.mkdtemp()
    shutil.copytree(scan_of('tum_silent_camera'), scan, dirs_exist_ok=True)
    common = ['--out', out, '--max-views', '2']
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            main(['segment', str(scan), '--classes', 'chair, table, wall', *common])
            first = {p.name: p.read_bytes() for p in Path(out).glob('*.html')}
            main(['query', str(scan), 'somewhere to sit', *common])
        after = {p.name: p.read_bytes() for p in Path(out).glob('*.html')}
    finally:
        shutil.rmtree(scan)
        shutil.rmtree(out)
    ok = bool(first) and all(after.get(name) == page for name, page in first.items()) and len(after) > len(first)
    return Outcome('the page of segment is kept, query writes another', f'{sorted(first)}, then {sorted(after)}', ok)


CAPTURES: dict[str, Callable[[Path], Outcome]] = {
    'camera_still': finds('pose convention', 'unknown', 'not move|never moves|hardly moves', writes={}),
    'colmap_depth': reads('colmap'),
    'colour_not_aligned': finds('colour against depth', 'note|wrong', 'align'),
    'file_instead_of_folder': single_files,
    'intrinsics_in_json': reads('nice-slam'),
    'millimetres_both': finds(
        'depth scale', 'note|wrong', 'millimet', writes={'depth': {'scale': 1000.0}, 'poses': {'scale': 0.001}}
    ),
    'nerfcapture': reads('nerfcapture'),
    'one_depth_missing': reads('none known', views=7, says='0003'),
    'open3d_log': reads('open3d'),
    'record3d_exr_folder': either(reads('record3d-exr', focal=None), refuses('Record3D', r'EXR', r'\.r3d')),
    'ros_body_frame': finds('pose convention', 'note|wrong', 'body|ROS'),
    'rtabmap_export': reads('rtabmap'),
    'stray_scanner': reads('stray'),
    'subset_of_rows': reads('none known', views=4, says='8 (rows|poses).*4 (images|frames)'),
    'tum_silent_camera': finds('intrinsics', 'note', r'assumed.*131\.\d'),
    'view_overwritten': pages_beside_each_other,
}
_WORK: dict[str, Path] = {}  # Copy of a case's folder, by name


def scan_of(name: str) -> Path:
    "The scan of a capture, in a copy that may be written into."
    return _WORK['captures'] / name / 'scan'


def captures(folder: Path, chosen: Callable[[str], bool]) -> Iterator[tuple[str, Callable[[], Outcome]]]:
    "Each capture with what runs it; one that is not in the list is to be read somehow, with views that agree."
    with tempfile.TemporaryDirectory() as work:
        copy = _WORK['captures'] = Path(work) / 'captures'
        shutil.copytree(folder, copy, copy_function=shutil.copyfile)
        for name in sorted({p.name for p in folder.iterdir() if p.is_dir()} | set(CAPTURES)):
            if chosen(name):
                run = CAPTURES.get(name, any_layout)
                yield name, lambda run=run, name=name: run(scan_of(name))


def any_layout(scan: Path) -> Outcome:
    "What is expected of a capture about which nothing is known here."
    found, text = examined(scan)
    if found is None:
        return Outcome('it is read', f'refused: {text}', False)
    said, agreement, count = loaded(scan)
    got = f'{found.layout}, wrong: {found.wrong or "nothing"}, {count} views, {agreement:.0%} agree; {said}'
    return Outcome('it is read, with views that agree', got, not found.wrong and agreement > AGREE)


# ---------------------------------------------------------------------------------------------------------------- main

PARTS = {'captures': captures, 'reports': reports}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('words', nargs='*', help='cases whose names contain one of them; all when none is given')
    options = parser.parse_args()
    folder = cases_folder()
    if folder is None:
        print('skipped: no folder of cases in ../shared or where GEOPURIFY_SHARED points')
        return 0

    def chosen(name: str) -> bool:
        return not options.words or any(word in name for word in options.words)

    passed, failed = 0, []
    for part, listed in PARTS.items():
        for name, run in listed(folder / part, chosen):
            started = time.perf_counter()
            try:
                outcome = run()
            except Exception:
                outcome = Outcome('no exception', traceback.format_exc(limit=-2), False)
            passed += outcome.ok
            failed += [] if outcome.ok else [name]
            print(f'{"ok  " if outcome.ok else "FAIL"} {name}  ({time.perf_counter() - started:.1f} s)')
            print(f'     expected: {outcome.expected}\n     got:      {outcome.got}', flush=True)
    print(f'{passed} ok, {len(failed)} not' + (f': {", ".join(failed)}' if failed else ''))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
