"""The user's layers that the golden cases of the Python layer name."""

import caffe
import numpy as np


class Twice(caffe.Layer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 2 * top[0].diff


class PyEuclid(caffe.Layer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        self.d = np.zeros_like(bottom[0].data)
        top[0].reshape(1)

    def forward(self, bottom, top):
        self.d[...] = bottom[0].data - bottom[1].data
        top[0].data[...] = np.sum(self.d**2) / bottom[0].num / 2.0

    def backward(self, top, propagate_down, bottom):
        for i, s in enumerate((1, -1)):
            if propagate_down[i]:
                bottom[i].diff[...] = s * self.d / bottom[i].num * top[0].diff[0]


class AddParam(caffe.Layer):
    def setup(self, bottom, top):
        self.blobs.add_blob(*bottom[0].data.shape[1:])
        self.blobs[0].data[...] = 0

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data + self.blobs[0].data

    def backward(self, top, propagate_down, bottom):
        self.blobs[0].diff[...] += top[0].diff.sum(0)
        if propagate_down[0]:
            bottom[0].diff[...] = top[0].diff
