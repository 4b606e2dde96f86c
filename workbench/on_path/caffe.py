"""`caffe` for programs that find this folder on PYTHONPATH: the module becomes `brewbench.caffe`."""

import sys
from importlib import import_module

del sys.modules[__name__]  # the import system goes on with the module that takes its place
import_module("brewbench.workbench.alias").add_alias()
import_module("caffe")
