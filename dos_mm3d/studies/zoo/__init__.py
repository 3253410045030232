"""The weights that ship: what there is, the index of their files, and the page about them."""

from .index import MOST_BYTES, MOST_BYTES_TOGETHER, WEIGHTS, add_probes, add_to_zoo, check_files, read_index
from .models import ZOO, ZooModel
from .page import model_cards, zoo_table
