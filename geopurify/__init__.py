__version__ = "0.1.0"

# The names most people need, loaded when first used, so that `import geopurify` stays light.
_PUBLIC = {
    "GeoPurify": "purify.pipeline",
    "compare": "purify.pipeline",
    "load_scene": "readers.load",
    "Scene": "scans.scene",
    "View": "scans.scene",
    "make_rooms": "rooms.write",
    "LabelSet": "base.core",
    "label_set": "base.core",
    "preset": "base.core",
    "InputError": "base.core",
}
__all__ = list(_PUBLIC)


def __getattr__(name):
    if name not in _PUBLIC:
        raise AttributeError(f"module 'geopurify' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"geopurify.{_PUBLIC[name]}"), name)


def __dir__():
    return sorted([*globals(), *_PUBLIC])
