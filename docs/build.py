"""The site: `make docs` writes it to _docs/site, to be opened from there or served by anything.

Pages mirror the repository (README, nbs/, the reference, CONTRIBUTING, …), so the links that work in a checkout work
in the site; mkdocs is strict about them. The order of the method comes from the notebooks' file names, here alone."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import notebooks
import reference
import yaml

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / '_docs'
PAGES = OUT / 'pages'

# How the names of the method's notebooks begin, and the words above them in the menu; in the order of the method.
CHAPTERS = {
    '00': 'Groundwork',
    '01': 'Scans',
    '02': 'Made rooms',
    '03': 'Reading scans',
    '04': 'Fusion and checks',
    '05': 'Voxels, sparse networks',
    '06': 'Voxels, sparse networks',
    '1': 'Selection',
    '2': 'Semantics',
    '3': 'Teachers, distillation',
    '4': 'The student',
    '5': 'Purification',
    '6': 'Evaluation',
    '7': 'All of it, comparisons',
    '8': 'Pictures',
    '9': 'Command line',
}
FOLDERS = {'tutorials': 'Lessons', 'tables': 'Results', 'benchmarks': 'Time and memory', 'pretraining': 'Pretraining'}
TEXTS = {'README.md': 'Start', 'CONTRIBUTING.md': 'Contribute', 'CHANGELOG.md': 'Changes', 'SECURITY.md': 'Security'}


def write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding='utf-8')


def write_notebook(path: Path) -> str:
    "The page of a notebook; its place among the pages."
    place = path.relative_to(ROOT).with_suffix('.md')
    write(PAGES / place, notebooks.page(path.relative_to(ROOT), PAGES / place.parent / f'{place.stem}_files'))
    return str(place)


def write_module(path: Path, name: str) -> str:
    "The page of the module that a notebook is exported to."
    file = ROOT / 'geopurify' / f'{name.replace(".", "/")}.py'
    place = Path('reference') / f'{name}.md'
    write(PAGES / place, reference.page(file, f'geopurify.{name}', f'../{path.relative_to(ROOT).with_suffix(".md")}'))
    return str(place)


def chapter(path: Path) -> str:
    return next(label for start, label in CHAPTERS.items() if path.name.startswith(start))


def chapters() -> dict[str, list[Path]]:
    "Notebooks below the words of the menu; those of the method are one word above its chapters."
    found: dict[str, list[Path]] = {}
    for path in sorted((ROOT / 'nbs').glob('[0-9]*.ipynb')):
        found.setdefault(chapter(path), []).append(path)
    for folder, label in FOLDERS.items():
        found[label] = sorted((ROOT / 'nbs' / folder).glob('*.ipynb'))
    return found


def navigation() -> list[dict]:
    "Write the pages; the tree of links to them, as mkdocs wants it."
    nav = {
        label: [{notebooks.title(path): write_notebook(path)} for path in paths] for label, paths in chapters().items()
    }
    modules: dict[str, list] = {}
    for path in (path for paths in chapters().values() for path in paths):
        package, _, stem = notebooks.module(path).partition('.')
        if stem:
            modules.setdefault(package, []).append({stem: write_module(path, f'{package}.{stem}')})
    for name in TEXTS:
        write(PAGES / name, notebooks.links((ROOT / name).read_text(encoding='utf-8')))
    texts = [{label: name} for name, label in TEXTS.items()]
    method = [
        {label: nav[label]} if len(nav[label]) > 1 else nav[label][0]  # no chapter of one page
        for label in dict.fromkeys(CHAPTERS.values())
    ]
    lessons, *others = [{label: nav[label]} for label in FOLDERS.values()]
    reference_pages = [{package: pages} for package, pages in modules.items()]
    return [texts[0], lessons, {'The method': method}, *others, {'Reference': reference_pages}, *texts[1:]]


def copy_linked() -> None:
    "Files of the repository that pages link to or show, to the same place among the pages."
    for page in PAGES.rglob('*.md'):
        text = page.read_text(encoding='utf-8')
        for link in re.findall(r'\]\(([^)\s#:]+)[^)\s]*\)|src="([^":]+)"', text):
            target = (page.parent / (link[0] or link[1])).resolve()
            source = ROOT / target.relative_to(PAGES) if target.is_relative_to(PAGES) else None
            if source and source.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


def check_offline() -> None:
    "An error where a page would fetch a script, a style or a picture from elsewhere."
    outside = r'<(?:script|img|iframe)[^>]+src="(?:https?:)?//|<link[^>]+rel="stylesheet"[^>]+href="(?:https?:)?//'
    fetching = [p for p in (OUT / 'site').rglob('*.html') if re.search(outside, p.read_text(encoding='utf-8'))]
    assert not fetching, f'these pages fetch something from elsewhere: {fetching}'


def main() -> None:
    shutil.rmtree(OUT, ignore_errors=True)
    os.chdir(ROOT)
    config = yaml.safe_load((ROOT / 'docs' / 'mkdocs.yml').read_text(encoding='utf-8'))
    config |= {'nav': navigation(), 'docs_dir': str(PAGES), 'site_dir': str(OUT / 'site')}
    config['hooks'] = [str(ROOT / 'docs' / name) for name in config['hooks']]
    for name in (*config['extra_css'], *config['extra']['polyfills']):
        shutil.copyfile(ROOT / 'docs' / name, PAGES / name)
    copy_linked()
    write(OUT / 'mkdocs.yml', yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    command = [sys.executable, '-m', 'mkdocs', 'build', '--strict', '--config-file', str(OUT / 'mkdocs.yml')]
    quiet = os.environ | {'NO_MKDOCS_2_WARNING': '1'}
    answer = subprocess.run(command, env=quiet, capture_output=True, text=True)  # its own --quiet hides broken links
    if answer.returncode:
        said = [line for line in answer.stderr.splitlines() if not line.startswith(('INFO', '  - '))]
        sys.exit('\n'.join(said))
    check_offline()
    print(f'{len(list((OUT / "site").rglob("*.html")))} pages: open {OUT.relative_to(ROOT)}/site/index.html')


if __name__ == '__main__':
    main()
