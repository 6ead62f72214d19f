"Packaging, read from settings.ini: `pip install .`, or `pip install .[text,distributed,dev]`."

from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

root = Path(__file__).parent
config = ConfigParser(delimiters=['='])
config.read(root / 'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']

# spconv's CUDA 12.0 wheels (they also run on a CPU) exist for x86-64 Linux and Windows up to Python 3.11; elsewhere the
# package uses its own plain-torch sparse convolution behind the same interface.
spconv = '; python_version < "3.12" and platform_machine in "x86_64 AMD64" and sys_platform != "darwin"'
EXTRAS = 'text xdecoder weights hub viewer record3d video exr ros distributed pretrain docs dev'.split()
extras = {name: cfg[f'{name}_requirements'].split() for name in EXTRAS if f'{name}_requirements' in cfg}

# folders of data that are installed with the code; recorded cases are for tests in a checkout
manifests = [p.name for p in sorted((root / 'data_manifests').iterdir()) if p.is_dir() and p.name != 'parity']
data = [
    'geopurify.weights',
    'geopurify.show.page',
    'geopurify.data_manifests',
    *(f'geopurify.data_manifests.{name}' for name in manifests),
]

setup(
    name=cfg['lib_name'],
    version=cfg['version'],
    description=cfg['description'],
    long_description=(root / 'README.md').read_text(encoding='utf-8') if (root / 'README.md').exists() else '',
    long_description_content_type='text/markdown',
    author=cfg['author'],
    license='Apache-2.0',
    url='https://arxiv.org/abs/2510.02186',
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    keywords=cfg['keywords'].split(),
    python_requires=f'>={cfg["min_python"]}',
    packages=[*find_packages(include=['geopurify*']), *data],
    package_dir={name: name.replace('geopurify.data_manifests', 'data_manifests').replace('.', '/') for name in data},
    package_data={name: ['*'] for name in data} | {'geopurify': ['py.typed', '*.pyi']},
    install_requires=[*cfg['requirements'].split(), *(r + spconv for r in cfg['spconv_requirements'].split())],
    extras_require={**extras, 'all': sorted({r for reqs in extras.values() for r in reqs})},
    entry_points={'console_scripts': [cfg['console_scripts']]},
    zip_safe=False,
)
