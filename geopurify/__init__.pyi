# what type checkers and editors see of the names that __init__.py loads when they are first used
from .base.core import InputError as InputError
from .base.core import LabelSet as LabelSet
from .base.core import label_set as label_set
from .base.core import preset as preset
from .purify.answers import Heat as Heat
from .purify.answers import Segmentation as Segmentation
from .purify.pipeline import GeoPurify as GeoPurify
from .purify.pipeline import compare as compare
from .purify.pipeline import open_model as open_model
from .readers.load import load_scene as load_scene
from .rooms.write import make_rooms as make_rooms
from .scans.scene import Scene as Scene
from .scans.scene import View as View

__version__: str
