"""A folder for PYTHONPATH: programs that look along it find `caffe`."""
