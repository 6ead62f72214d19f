"""The oldest versions that settings.ini allows, as constraints for pip: `python .ci/bounds.py > oldest.txt`.

The weekly job installs them and runs the quick notebooks, so a lower bound is one that is tried
every week. What has none there is left to pip."""

import re
from configparser import ConfigParser
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


def main():
    config = ConfigParser(delimiters=['='])
    config.read(SETTINGS, encoding='utf-8')
    for part in PARTS:
        for constraint in oldest(config['DEFAULT'][part]):
            print(constraint)


if __name__ == '__main__':
    main()
