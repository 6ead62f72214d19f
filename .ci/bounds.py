"""The oldest versions that settings.ini allows, as constraints for pip: `python .ci/bounds.py > oldest.txt`.

`make oldest`, which the weekly job runs, installs them and runs the quick notebooks and those of the extras, so a lower
bound is one that is tried every week. What has none there is left to pip. `--tried` says what is installed instead."""

import re
import sys
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SETTINGS = Path(__file__).resolve().parent.parent / 'settings.ini'
PARTS = (
    'requirements',
    'spconv_requirements',
    'text_requirements',
    'weights_requirements',
    'hub_requirements',
    'distributed_requirements',
)


def oldest(requirements: str) -> list[str]:
    "Constraints for a line of requirements."
    found = (re.match(r'([\w.-]+)>=([\w.]+)', requirement) for requirement in requirements.split())
    return [f'{bound[1]}=={bound[2]}' for bound in found if bound]


def is_oldest(constraint: str) -> bool | None:
    "Whether a bound is what is installed here; None where the package is not."
    name, bound = constraint.split('==')
    try:
        found = version(name).split('+')[0]
    except PackageNotFoundError:
        return None
    return found == bound or re.fullmatch(re.escape(bound) + r'(\.0)+', found) is not None


def main():
    config = ConfigParser(delimiters=['='])
    config.read(SETTINGS, encoding='utf-8')
    constraints = [constraint for part in PARTS for constraint in oldest(config['DEFAULT'][part])]
    if '--tried' not in sys.argv[1:]:
        print(*constraints, sep='\n')
        return
    same = {constraint: is_oldest(constraint) for constraint in constraints}
    names = [constraint.split('==')[0] for constraint, oldest_here in same.items() if oldest_here is False]
    newer = ', '.join(f'{name} ({version(name)})' for name in names) or 'none'
    print(f'{sum(map(bool, same.values()))} of {len(same)} lower bounds were tried; newer than theirs: {newer}')


if __name__ == '__main__':
    main()
