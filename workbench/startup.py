"""The module that `brewbench install_caffe_alias` puts into an environment, written by Brewbench.

Python imports it whenever it starts there: it needs nothing but `sys`, and does nothing until somebody imports caffe.
"""

import sys


class CaffeFinder:
    """Finds `caffe` before any other finder does, and hands over to Brewbench's own."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != "caffe" or cls not in sys.meta_path:
            return None
        sys.meta_path.remove(cls)
        try:
            alias = __import__("brewbench.workbench.alias", fromlist=["alias"])
        except ModuleNotFoundError as error:
            if error.name != "brewbench":
                raise
            return None  # it was uninstalled
        alias.add_alias()
        return sys.meta_path[0].find_spec(name, None)


def add_finder():
    """Let `import caffe` find Brewbench's in this process, whatever else is on the path."""
    if CaffeFinder not in sys.meta_path:
        sys.meta_path.insert(0, CaffeFinder)
