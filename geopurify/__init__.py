"""Open-vocabulary 3D segmentation: a 2D model's words, purified by learnt 3D geometry.

The names below are the public surface: what scripts and notebooks of users import from `geopurify`. They are loaded when
they are first used, so that `import geopurify` stays light. Everything else lives in the packages named after the method's
stages; what has no leading underscore there may be used, too, but may move between versions.

    GeoPurify, open_model   the whole method as one object; one by the names that the command line takes
    Segmentation, Heat      what it answers
    compare                 several ways to pool the same features, evaluated
    load_scene, Scene, View a scan from a folder
    scene_from_arrays       a scan that is in memory already
    LabelSet, label_set     class names; those of a benchmark
    preset                  every number of the method: "paper", "official", "rooms", "settled"
    make_rooms              procedural rooms with ground truth
    InputError              what is raised for input that cannot be used
"""

__version__ = "0.1.0"

_WHERE = {
    "GeoPurify": "purify.pipeline",
    "open_model": "purify.pipeline",
    "compare": "purify.pipeline",
    "Segmentation": "purify.answers",
    "Heat": "purify.answers",
    "load_scene": "readers.load",
    "scene_from_arrays": "readers.load",
    "Scene": "scans.scene",
    "View": "scans.scene",
    "LabelSet": "base.core",
    "label_set": "base.core",
    "preset": "base.core",
    "InputError": "base.core",
    "make_rooms": "rooms.write",
}
_VIEWED = {"purify.pipeline", "purify.answers"}  # what is in them gets its method `view` from above, from show.window
__all__ = list(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module 'geopurify' has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"geopurify.{_WHERE[name]}"), name)
    if _WHERE[name] in _VIEWED:
        import_module("geopurify.show.window")
    return found


def __dir__():
    return sorted([*globals(), *_WHERE])
