// The kernels of the GPU engine: every op that is neither a matrix product nor a cuDNN convolution.
//
// `real` is float unless REAL says double. A kernel's first argument is the number of elements (or of rows) that it
// goes over in strides of the whole grid, so that any launch is right. No kernel needs __syncthreads: a row is summed
// by one warp at the most. With WARP 1 the same file is ordinary C++, and is tested as such on a host.

#ifndef REAL
#define REAL float
#endif
#ifndef WARP
#define WARP 32
#endif

typedef REAL real;
typedef unsigned int uint;

#define KERNEL extern "C" __global__ void
#define EACH(i, n) for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += blockDim.x * gridDim.x)

// Each of n rows for one warp; `lane` is the thread's number within it.
#define EACH_ROW(row, n)                                                                                               \
    const int lane = threadIdx.x % WARP;                                                                               \
    for (int row = (blockIdx.x * blockDim.x + threadIdx.x) / WARP; row < (n); row += blockDim.x * gridDim.x / WARP)

template <class number>
__device__ number warp_sum(number value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffffu, value, distance);
    return value;
}

__device__ real warp_max(real value) {
    for (int distance = WARP / 2; distance > 0; distance /= 2) {
        real other = __shfl_xor_sync(0xffffffffu, value, distance);
        value = other > value ? other : value;
    }
    return value;
}

// Word `lane` of block `block` of Philox4x32-10, counter (block, 0, stream): engine/rng.py has the same in NumPy.
__device__ uint philox(uint block, int lane, unsigned long long stream, uint k0, uint k1) {
    uint c[4] = {block, 0u, (uint)stream, (uint)(stream >> 32)};
    for (int round = 0; round < 10; ++round) {
        unsigned long long p0 = 0xD2511F53ull * c[0], p1 = 0xCD9E8D57ull * c[2];
        uint c1 = c[1], c3 = c[3];
        c[0] = (uint)(p1 >> 32) ^ c1 ^ k0;
        c[1] = (uint)p1;
        c[2] = (uint)(p0 >> 32) ^ c3 ^ k1;
        c[3] = (uint)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return lane == 0 ? c[0] : lane == 1 ? c[1] : lane == 2 ? c[2] : c[3];
}

// 0 where x is not above it; what is no number stays so.
__device__ real rectified(real x) { return x <= 0 ? (real)0 : x; }

// The numbers of one step, in device memory: engine/gpu/numbers.py names them in this order.
enum { RATE, MOMENTUM, MOMENTUM2, RMS_DECAY, DELTA, CORRECTION, DECAY, SCALE, PASSES, CLIP, GIVEN, LOSS = GIVEN, STEPS };

// A captured step begins: take the numbers that the host left in the slot of this step, in memory both can see.
KERNEL begin_step(int n, const double* slots, double* numbers, int ring) {
    EACH(i, n) {
        const double* slot = slots + (long long)fmod(numbers[STEPS], (double)ring) * GIVEN;
        for (int k = 0; k < GIVEN; ++k) numbers[k] = slot[k];
        numbers[LOSS] = 0;
    }
}

// It ends: leave the loss where the host looks for it, and count.
KERNEL end_step(int n, double* numbers, double* losses, int ring) {
    EACH(i, n) {
        losses[(long long)fmod(numbers[STEPS], (double)ring)] = numbers[LOSS];
        numbers[STEPS] += 1;
    }
}

// loss += <data, diff>, the diff of a loss being its weight.
KERNEL add_loss(int n, const real* data, const real* diff, double* numbers, int count) {
    EACH_ROW(row, n) {
        real total = 0;
        for (int k = lane; k < count; k += WARP) total += data[k] * diff[k];
        total = warp_sum(total);
        if (lane == 0) numbers[LOSS] += total;
    }
}

// The squares of x in `parts` shares, each summed.
KERNEL square_sums(int n, const real* x, double* out, int count, int parts) {
    EACH_ROW(part, n) {
        int share = (count + parts - 1) / parts, start = part * share, stop = min(count, start + share);
        double total = 0;
        for (int k = start + lane; k < stop; k += WARP) total += (double)x[k] * x[k];
        total = warp_sum(total);
        if (lane == 0) out[part] = total;
    }
}

// The root of the sum of `parts` numbers.
KERNEL root_of_sum(int n, const double* sums, double* root, int parts) {
    EACH_ROW(row, n) {
        double total = 0;
        for (int k = lane; k < parts; k += WARP) total += sums[k];
        total = warp_sum(total);
        if (lane == 0) root[0] = sqrt(total);
    }
}

// Scale the gradient down where its norm is above the limit.
KERNEL clip_scale(int n, const double* norm, double* numbers) {
    EACH(i, n) if (norm[0] > numbers[CLIP]) numbers[SCALE] *= numbers[CLIP] / norm[0];
}

// What pages show of an array

// Of each share of x: how many values are finite, how many zero, the least, the largest, the sum, the sum of squares.
KERNEL summaries(int n, const real* x, double* out, int count, int parts, real largest) {
    EACH_ROW(part, n) {
        int share = (count + parts - 1) / parts, start = part * share, stop = min(count, start + share);
        double finite = 0, zero = 0, sum = 0, squares = 0;
        real low = largest, high = -largest;
        for (int k = start + lane; k < stop; k += WARP) {
            real value = x[k];
            if (!(value >= -largest && value <= largest)) continue;
            finite += 1;
            zero += value == 0;
            sum += value;
            squares += (double)value * value;
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        finite = warp_sum(finite);
        zero = warp_sum(zero);
        sum = warp_sum(sum);
        squares = warp_sum(squares);
        low = -warp_max(-low);
        high = warp_max(high);
        if (lane == 0) {
            double* own = out + 6 * part;
            own[0] = finite, own[1] = zero, own[2] = low, own[3] = high, own[4] = sum, own[5] = squares;
        }
    }
}

// Of each share of x, how many values lie between neighbours of the `edges` (bins + 1); the last edge belongs to the
// last bin. counts (parts, bins) are zero before.
KERNEL histograms(int n, const real* x, const double* edges, int* counts, int count, int bins, int parts) {
    EACH_ROW(part, n) {
        int share = (count + parts - 1) / parts, start = part * share, stop = min(count, start + share);
        double low = edges[0], high = edges[bins];
        for (int k = start + lane; k < stop; k += WARP) {
            double value = x[k];
            if (!(value >= low && value <= high)) continue;
            int bin = min((int)((value - low) / (high - low) * bins), bins - 1);
            if (value < edges[bin]) --bin;
            else if (bin < bins - 1 && value >= edges[bin + 1]) ++bin;
            atomicAdd(counts + part * bins + bin, 1);
        }
    }
}

// Each block of x (rows, columns), of `down` rows and `across` columns, becomes its value of largest magnitude, the
// positive one of two; NaN where there is one.
KERNEL strongest(int n, const real* x, real* out, int rows, int columns, int down, int across) {
    EACH(i, n) {
        int wide = (columns + across - 1) / across, top = i / wide * down, left = i % wide * across;
        int bottom = min(rows, top + down), right = min(columns, left + across);
        real best = x[(long long)top * columns + left];
        for (int row = top; row < bottom; ++row)
            for (int column = left; column < right; ++column) {
                real value = x[(long long)row * columns + column];
                real more = value < 0 ? -value : value, most = best < 0 ? -best : best;
                if (value != value || more > most || (more == most && value > best)) best = value;
            }
        out[i] = best;
    }
}

// Sums and offsets

KERNEL add(int n, real* y, const real* x) {
    EACH(i, n) y[i] += x[i];
}

// y (outer, columns, rows) = x (outer, rows, columns)
KERNEL turn(int n, const real* x, real* y, int rows, int columns) {
    EACH(i, n) {
        int row = i % rows, column = i / rows % columns, outer = i / rows / columns;
        y[i] = x[(outer * rows + row) * columns + column];
    }
}

// y (outer, rows, columns) += x (outer, columns, rows)
KERNEL add_turned(int n, real* y, const real* x, int rows, int columns) {
    EACH(i, n) {
        int column = i % columns, row = i / columns % rows, outer = i / columns / rows;
        y[i] += x[(outer * columns + column) * rows + row];
    }
}

// The rows of x (rows, columns) in `parts` shares, each summed: out (parts, columns), or added to it.
KERNEL column_sums(int n, const real* x, real* out, int rows, int columns, int parts, int accumulate) {
    EACH(i, n) {
        int part = i / columns, column = i % columns;
        int share = (rows + parts - 1) / parts, stop = min(rows, (part + 1) * share);
        real total = 0;
        for (int row = part * share; row < stop; ++row) total += x[row * columns + column];
        out[i] = accumulate ? out[i] + total : total;
    }
}

// The same of a few shares, one warp for each column.
KERNEL share_sums(int n, const real* x, real* out, int rows, int columns, int accumulate) {
    EACH_ROW(column, n) {
        real total = 0;
        for (int row = lane; row < rows; row += WARP) total += x[row * columns + column];
        total = warp_sum(total);
        if (lane == 0) out[column] = accumulate ? out[column] + total : total;
    }
}

// Sums over outer and inner of x (outer, channels, inner): out (parts, channels), one warp for each. What is summed is
// x, or a and a times b, or the squared distance from the mean of each channel, which is its total over `count`. Where
// there is no inner (column_...), one thread for each.

#define SHARE(outer)                                                                                                   \
    int part = i / channels, channel = i % channels;                                                                   \
    int share = (outer + parts - 1) / parts, start = part * share, stop = min(outer, start + share);

#define EACH_OF_PLANE(at)                                                                                              \
    for (int o = start; o < stop; ++o)                                                                                 \
        for (int at = (o * channels + channel) * inner + lane, end = at - lane + inner; at < end; at += WARP)

#define EACH_OF_COLUMN(at) for (int o = start, at = o * channels + channel; o < stop; ++o, at += channels)

KERNEL plane_sums(int n, const real* x, real* out, int outer, int channels, int inner, int parts, int accumulate) {
    EACH_ROW(i, n) {
        SHARE(outer)
        real total = 0;
        EACH_OF_PLANE(at) total += x[at];
        total = warp_sum(total);
        if (lane == 0) out[i] = accumulate ? out[i] + total : total;
    }
}

KERNEL plane_products(int n, const real* a, const real* b, real* first, real* second, int outer, int channels,
                      int inner, int parts, int accumulate) {
    EACH_ROW(i, n) {
        SHARE(outer)
        real total = 0, products = 0;
        EACH_OF_PLANE(at) {
            total += a[at];
            products += a[at] * b[at];
        }
        total = warp_sum(total);
        products = warp_sum(products);
        if (lane == 0) {
            first[i] = accumulate ? first[i] + total : total;
            second[i] = accumulate ? second[i] + products : products;
        }
    }
}

KERNEL column_products(int n, const real* a, const real* b, real* first, real* second, int outer, int channels,
                       int parts, int accumulate) {
    EACH(i, n) {
        SHARE(outer)
        real total = 0, products = 0;
        EACH_OF_COLUMN(at) {
            total += a[at];
            products += a[at] * b[at];
        }
        first[i] = accumulate ? first[i] + total : total;
        second[i] = accumulate ? second[i] + products : products;
    }
}

KERNEL plane_distances(int n, const real* x, const real* totals, real* out, int outer, int channels, int inner,
                       int parts, int accumulate, int count) {
    EACH_ROW(i, n) {
        SHARE(outer)
        real mean = totals[channel] / count, total = 0;
        EACH_OF_PLANE(at) total += (x[at] - mean) * (x[at] - mean);
        total = warp_sum(total);
        if (lane == 0) out[i] = accumulate ? out[i] + total : total;
    }
}

KERNEL column_distances(int n, const real* x, const real* totals, real* out, int outer, int channels, int parts,
                        int accumulate, int count) {
    EACH(i, n) {
        SHARE(outer)
        real mean = totals[channel] / count, total = 0;
        EACH_OF_COLUMN(at) total += (x[at] - mean) * (x[at] - mean);
        out[i] = accumulate ? out[i] + total : total;
    }
}

// Batch normalisation of x (outer, channels, inner)

// Mean and variance of each channel, from its total and its sum of squared distances over `count` values.
KERNEL batch_norm_statistics(int n, const real* totals, const real* squares, real* mean, real* variance, int count) {
    EACH(i, n) {
        mean[i] = totals[i] / count;
        variance[i] = squares[i] / count;
    }
}

// y = (x - mean) / deviation; once more as `kept`, if given: y may be overwritten in place.
KERNEL batch_norm_forward(int n, const real* x, const real* mean, const real* variance, real* y, real* kept,
                          int channels, int inner, real eps) {
    EACH(i, n) {
        int channel = i / inner % channels;
        real value = (x[i] - mean[channel]) / sqrt(variance[channel] + eps);
        y[i] = value;
        if (kept) kept[i] = value;
    }
}

// dx from dy, `kept`, and the totals of dy and of dy times `kept`; where nothing is kept, statistics are constants.
KERNEL batch_norm_backward(int n, const real* dy, const real* kept, const real* total, const real* along,
                           const real* variance, real* dx, int channels, int inner, int count, real eps) {
    EACH(i, n) {
        int channel = i / inner % channels;
        real value = kept ? dy[i] - total[channel] / count - along[channel] / count * kept[i] : dy[i];
        dx[i] = value / sqrt(variance[channel] + eps);
    }
}

// y = a x + b for x (outer, channels, inner), or with `rectify` 0 where that is below; a and b may be null; x once more
// as `kept`, if given. y may be x.
KERNEL scale(int n, const real* x, const real* a, const real* b, real* y, real* kept, int channels, int inner,
             int rectify) {
    EACH(i, n) {
        int channel = i / inner % channels;
        real value = x[i];
        if (kept) kept[i] = value;
        if (a) value *= a[channel];
        if (b) value += b[channel];
        y[i] = rectify ? rectified(value) : value;
    }
}

// What layers in place behind a convolution do to each channel becomes one factor and one offset: those so far (with
// `first` 1 and the bias b, if any), then those of a BatchNorm if `means` are given, then those of a Scale if `a` is.
KERNEL fold(int n, int first, const real* b, const real* means, const real* variances, const real* weight, real eps,
            const real* a, const real* shift, real* factor, real* offset) {
    EACH(i, n) {
        real by = first ? (real)1 : factor[i], plus = first ? (b ? b[i] : (real)0) : offset[i];
        if (means) {
            real share = weight[0] == 0 ? (real)0 : 1 / weight[0], slope = 1 / sqrt(variances[i] * share + eps);
            by *= slope;
            plus = (plus - means[i] * share) * slope;
        }
        if (a) {
            by *= a[i];
            plus = plus * a[i] + (shift ? shift[i] : (real)0);
        }
        factor[i] = by;
        offset[i] = plus;
    }
}

// Convolution as a matrix product

#define MAX_AXES 8

// What a kernel is slid over; `axes` numbers of each kind, one after the other.
struct Geometry {
    int axes, length[MAX_AXES], kernel[MAX_AXES], stride[MAX_AXES], pad[MAX_AXES], dilation[MAX_AXES], output[MAX_AXES];
};

// columns (channels * taps, images, positions) of x (images, channels, *length), zero outside; with `image_first` as
// (images, channels * taps, positions).
KERNEL im2col(int n, const real* x, real* columns, int images, int channels, int taps, int positions, int image_first,
              const Geometry* geometry) {
    const Geometry g = *geometry;
    EACH(i, n) {
        int position = i % positions, rest = i / positions, rows = channels * taps;
        int image = image_first ? rest / rows : rest % images, row = image_first ? rest % rows : rest / images;
        int tap = row % taps, offset = 0, step = 1;
        bool inside = true;
        for (int axis = g.axes - 1; axis >= 0; --axis) {
            int at = position % g.output[axis] * g.stride[axis] + tap % g.kernel[axis] * g.dilation[axis] - g.pad[axis];
            inside = inside && at >= 0 && at < g.length[axis];
            offset += at * step;
            step *= g.length[axis];
            position /= g.output[axis];
            tap /= g.kernel[axis];
        }
        columns[i] = inside ? x[(image * channels + row / taps) * step + offset] : (real)0;
    }
}

// The transpose: x (images, channels, *length) is the sum of the columns that each of its elements went to.
KERNEL col2im(int n, const real* columns, real* x, int images, int channels, int taps, int positions, int image_first,
              const Geometry* geometry) {
    const Geometry g = *geometry;
    EACH(i, n) {
        int rest = i, at[MAX_AXES];
        for (int axis = g.axes - 1; axis >= 0; --axis) {
            at[axis] = rest % g.length[axis] + g.pad[axis];
            rest /= g.length[axis];
        }
        int channel = rest % channels, image = rest / channels;
        real total = 0;
        for (int tap = 0; tap < taps; ++tap) {
            int left = tap, position = 0, step = 1;
            bool inside = true;
            for (int axis = g.axes - 1; axis >= 0; --axis) {
                int start = at[axis] - left % g.kernel[axis] * g.dilation[axis];
                inside = inside && start >= 0 && start % g.stride[axis] == 0 && start / g.stride[axis] < g.output[axis];
                position += start / g.stride[axis] * step;
                step *= g.output[axis];
                left /= g.kernel[axis];
            }
            int row = channel * taps + tap;
            int column = image_first ? image * channels * taps + row : row * images + image;
            if (inside) total += columns[column * positions + position];
        }
        x[i] = total;
    }
}

// y (images, outputs, positions) = a values (outputs, images, positions) + b, as in `scale`.
KERNEL scatter(int n, const real* values, const real* a, const real* b, real* y, int images, int outputs, int positions,
               int rectify) {
    EACH(i, n) {
        int position = i % positions, output = i / positions % outputs, image = i / positions / outputs;
        real value = values[(output * images + image) * positions + position];
        if (a) value *= a[output];
        if (b) value += b[output];
        y[i] = rectify ? rectified(value) : value;
    }
}

// values (outputs, images, positions) = y (images, outputs, positions)
KERNEL gather(int n, const real* y, real* values, int images, int outputs, int positions) {
    EACH(i, n) {
        int position = i % positions, image = i / positions % images, output = i / positions / images;
        values[i] = y[(image * outputs + output) * positions + position];
    }
}

// Several blobs

// y = fa a + fb b, or with `rectify` 0 where that is below; b may be null, and y either.
KERNEL weighted_sum(int n, const real* a, const real* b, real* y, real fa, real fb, int rectify) {
    EACH(i, n) {
        real value = b ? fa * a[i] + fb * b[i] : fa * a[i];
        y[i] = rectify ? rectified(value) : value;
    }
}

// Rows of `width` elements from x to y, whose rows lie so many elements apart.
KERNEL copy_rows(int n, const real* x, real* y, int width, int x_row, int x_start, int y_row, int y_start) {
    EACH(i, n) y[i / width * y_row + y_start + i % width] = x[i / width * x_row + x_start + i % width];
}

// Rectifier

// Without a slope what is not above zero becomes zero, infinities too; what is no number stays so.
KERNEL relu_forward(int n, const real* x, real* y, real slope) {
    EACH(i, n) {
        real value = x[i];
        y[i] = value > 0 ? value : slope != 0 ? slope * value : rectified(value);
    }
}

KERNEL relu_backward(int n, const real* x, const real* dy, real* dx, real slope) {
    EACH(i, n) dx[i] = x[i] > 0 ? dy[i] : slope * dy[i];
}

// Pooling. x is (planes, H, W, C), y (planes, OH, OW, C); windows of (kh, kw) at every (sh, sw), with (ph, pw) around x.
// C is 1 unless the channels come last.

#define WINDOW(i)                                                                                                      \
    int c = i % C, ow = i / C % OW, oh = i / C / OW % OH, plane = i / C / OW / OH;                                     \
    int top = oh * sh - ph, left = ow * sw - pw;                                                                       \
    int h0 = max(top, 0), w0 = max(left, 0), h1 = min(top + kh, H), w1 = min(left + kw, W);

#define SHAPE int C, int H, int W, int OH, int OW, int kh, int kw, int sh, int sw, int ph, int pw

// The first of the largest values of each window, and its place in the plane; also as a number, if `mask` is given.
KERNEL max_pooling_forward(int n, const real* x, real* y, int* index, real* mask, real lowest, SHAPE) {
    EACH(i, n) {
        WINDOW(i)
        real best = lowest;
        int at = h0 * W + w0;
        for (int h = h0; h < h1; ++h)
            for (int w = w0; w < w1; ++w) {
                real value = x[((plane * H + h) * W + w) * C + c];
                if (value > best) best = value, at = h * W + w;
            }
        y[i] = best;
        index[i] = at;
        if (mask) mask[i] = best > lowest ? at : -1;
    }
}

// dx: each element has the gradients of the windows that chose it.
KERNEL pooling_backward_by_index(int n, const real* dy, const int* index, real* dx, SHAPE) {
    EACH(i, n) {
        int c = i % C, at = i / C % (H * W), plane = i / C / (H * W), h = at / W + ph, w = at % W + pw;
        int oh0 = h < kh ? 0 : (h - kh) / sh + 1, oh1 = min(h / sh + 1, OH);
        int ow0 = w < kw ? 0 : (w - kw) / sw + 1, ow1 = min(w / sw + 1, OW);
        real total = 0;
        for (int oh = oh0; oh < oh1; ++oh)
            for (int ow = ow0; ow < ow1; ++ow) {
                int window = ((plane * OH + oh) * OW + ow) * C + c;
                if (index[window] == at) total += dy[window];
            }
        dx[i] = total;
    }
}

// The mean of each window: padding counts, what lies beyond the padding does not.
KERNEL average_pooling_forward(int n, const real* x, real* y, SHAPE) {
    EACH(i, n) {
        WINDOW(i)
        real total = 0;
        for (int h = h0; h < h1; ++h)
            for (int w = w0; w < w1; ++w) total += x[((plane * H + h) * W + w) * C + c];
        y[i] = total / ((min(top + kh, H + ph) - top) * (min(left + kw, W + pw) - left));
    }
}

KERNEL average_pooling_backward(int n, const real* dy, real* dx, SHAPE) {
    EACH(i, n) {
        int c = i % C, at = i / C % (H * W), plane = i / C / (H * W), h = at / W + ph, w = at % W + pw;
        int oh0 = h < kh ? 0 : (h - kh) / sh + 1, oh1 = min(h / sh + 1, OH);
        int ow0 = w < kw ? 0 : (w - kw) / sw + 1, ow1 = min(w / sw + 1, OW);
        real total = 0;
        for (int oh = oh0; oh < oh1; ++oh)
            for (int ow = ow0; ow < ow1; ++ow) {
                int top = oh * sh - ph, left = ow * sw - pw;
                int size = (min(top + kh, H + ph) - top) * (min(left + kw, W + pw) - left);
                total += dy[((plane * OH + oh) * OW + ow) * C + c] / size;
            }
        dx[i] = total;
    }
}

// In training: walk over each window until the running sum reaches a random share of the total.
KERNEL stochastic_pooling_draw(int n, const real* x, real* y, int* index, real* mask, const double* numbers, uint k0,
                               uint k1, SHAPE) {
    EACH(i, n) {
        WINDOW(i)
        real total = 0, running = 0, value = 0;
        for (int h = h0; h < h1; ++h) {
            real row = 0;
            for (int w = w0; w < w1; ++w) row += x[((plane * H + h) * W + w) * C + c];
            total += row;
        }
        uint word = philox(i / 4, i % 4, (unsigned long long)numbers[PASSES], k0, k1);
        real share = (real)(word * (1.0 / 4294967296.0)) * total;
        int at = -1;
        for (int h = h0; h < h1 && at < 0; ++h)
            for (int w = w0; w < w1 && at < 0; ++w) {
                value = x[((plane * H + h) * W + w) * C + c];
                running += value;
                if (running >= share) at = h * W + w;
            }
        y[i] = at < 0 ? (real)0 : value;
        index[i] = at;
        if (mask) mask[i] = at;
    }
}

// In test: the mean weighted by the values themselves.
KERNEL stochastic_pooling_mean(int n, const real* x, real* y, real tiny, SHAPE) {
    EACH(i, n) {
        WINDOW(i)
        real total = tiny, squares = 0;
        for (int h = h0; h < h1; ++h)
            for (int w = w0; w < w1; ++w) {
                real value = x[((plane * H + h) * W + w) * C + c];
                total += value;
                squares += value * value;
            }
        y[i] = total > 0 ? squares / total : (real)0;
    }
}

// Local response normalisation of x (N, C, H, W)

// Across channels, of which the next is `step` elements away. scale = k + alpha * (sum of squares), y = x scale^-beta.
KERNEL lrn_forward(int n, const real* x, real* scale, real* y, int channels, int step, int half, real alpha, real beta,
                   real k) {
    EACH(i, n) {
        int c = i / step % channels;
        real total = 0;
        for (int j = max(-half, -c); j <= min(half, channels - 1 - c); ++j) total += x[i + j * step] * x[i + j * step];
        real s = k + alpha * total;
        scale[i] = s;
        y[i] = x[i] * pow(s, -beta);
    }
}

KERNEL lrn_backward(int n, const real* x, const real* y, const real* dy, const real* scale, real* dx, int channels,
                    int step, int half, real alpha, real beta) {
    EACH(i, n) {
        int c = i / step % channels;
        real total = 0;
        for (int j = max(-half, -c); j <= min(half, channels - 1 - c); ++j) {
            int other = i + j * step;
            total += dy[other] * y[other] / scale[other];
        }
        dx[i] = dy[i] * pow(scale[i], -beta) - 2 * alpha * beta * x[i] * total;
    }
}

// Within a channel: the window is a square of pixels.
KERNEL lrn_within_forward(int n, const real* x, real* scale, real* y, int H, int W, int half, real alpha, real beta,
                          real k) {
    EACH(i, n) {
        int w = i % W, h = i / W % H, plane = i / W / H;
        real total = 0;
        for (int a = max(h - half, 0); a <= min(h + half, H - 1); ++a)
            for (int b = max(w - half, 0); b <= min(w + half, W - 1); ++b) {
                real value = x[(plane * H + a) * W + b];
                total += value * value;
            }
        scale[i] = k + alpha * total;
        y[i] = x[i] * pow(scale[i], -beta);
    }
}

KERNEL lrn_within_backward(int n, const real* x, const real* y, const real* dy, const real* scale, real* dx, int H,
                           int W, int half, real alpha, real beta) {
    EACH(i, n) {
        int w = i % W, h = i / W % H, plane = i / W / H;
        real total = 0;
        for (int a = max(h - half, 0); a <= min(h + half, H - 1); ++a)
            for (int b = max(w - half, 0); b <= min(w + half, W - 1); ++b) {
                int other = (plane * H + a) * W + b;
                total += dy[other] * y[other] / scale[other];
            }
        dx[i] = dy[i] * pow(scale[i], -beta) - 2 * alpha * beta * x[i] * total;
    }
}

// Softmax of x (outer, classes, inner), one warp for each (outer, inner)

#define CLASS(row, c) ((row / inner * classes + (c)) * inner + row % inner)

KERNEL softmax_forward(int n, const real* x, real* y, int classes, int inner, real lowest) {
    EACH_ROW(row, n) {
        real largest = lowest, total = 0;
        for (int c = lane; c < classes; c += WARP) {
            real value = x[CLASS(row, c)];
            largest = value > largest ? value : largest;
        }
        largest = warp_max(largest);
        for (int c = lane; c < classes; c += WARP) {
            real value = exp(x[CLASS(row, c)] - largest);
            y[CLASS(row, c)] = value;
            total += value;
        }
        total = warp_sum(total);
        for (int c = lane; c < classes; c += WARP) y[CLASS(row, c)] /= total;
    }
}

KERNEL softmax_backward(int n, const real* y, const real* dy, real* dx, int classes, int inner) {
    EACH_ROW(row, n) {
        real total = 0;
        for (int c = lane; c < classes; c += WARP) total += dy[CLASS(row, c)] * y[CLASS(row, c)];
        total = warp_sum(total);
        for (int c = lane; c < classes; c += WARP) dx[CLASS(row, c)] = (dy[CLASS(row, c)] - total) * y[CLASS(row, c)];
    }
}

// The loss behind a softmax: p (outer, classes, inner), a label for each of (outer, inner)

__device__ void leave_loss(double total, double count, real fixed, real* loss, real* divisor) {
    real by = fixed > 0 ? fixed : count > 1 ? (real)count : (real)1;
    loss[0] = (real)total / by;
    divisor[0] = by;
}

// -log p at the labels that count, in `parts` shares of the rows: sums (parts, 2) are the totals and how many count.
// One share is the whole loss. It is divided by `fixed` or, where that is 0, by how many count. A label that is no
// class makes it no number.
KERNEL surprise(int n, const real* p, const real* label, double* sums, real* loss, real* divisor, int rows, int classes,
                int inner, int has_ignored, int ignored, real smallest, real fixed) {
    EACH_ROW(part, n) {
        int share = (rows + n - 1) / n, stop = min(rows, (part + 1) * share);
        double total = 0, count = 0;
        for (int row = part * share + lane; row < stop; row += WARP) {
            int at = (int)label[row];
            if (has_ignored && at == ignored) continue;
            real chosen = at >= 0 && at < classes ? p[CLASS(row, at)] : (real)-1;
            total -= log(chosen < smallest && chosen >= 0 ? smallest : chosen);
            count += 1;
        }
        total = warp_sum(total);
        count = warp_sum(count);
        if (lane == 0) {
            if (n == 1) leave_loss(total, count, fixed, loss, divisor);
            else sums[2 * part] = total, sums[2 * part + 1] = count;
        }
    }
}

KERNEL surprise_total(int n, const double* sums, real* loss, real* divisor, int parts, real fixed) {
    EACH_ROW(row, n) {
        double total = 0, count = 0;
        for (int part = lane; part < parts; part += WARP) total += sums[2 * part], count += sums[2 * part + 1];
        total = warp_sum(total);
        count = warp_sum(count);
        if (lane == 0) leave_loss(total, count, fixed, loss, divisor);
    }
}

// dx = (p - 1 at the label) dloss / divisor, 0 where the label does not count.
KERNEL surprise_backward(int n, const real* p, const real* label, const real* dloss, const real* divisor, real* dx,
                         int classes, int inner, int has_ignored, int ignored) {
    EACH(i, n) {
        int c = i / inner % classes, at = (int)label[i / inner / classes * inner + i % inner];
        real factor = dloss[0] / divisor[0];
        dx[i] = has_ignored && at == ignored ? (real)0 : (p[i] - (real)(c == at)) * factor;
    }
}

// Dropout: the mask is drawn anew in backward, from the same counter. Where the channels come last, a word is that of
// the element's place in the plain order; else `channels` and `area` are 1.

KERNEL dropout(int n, const real* x, real* y, const double* numbers, uint k0, uint k1, double threshold, real factor,
               int channels, int area) {
    EACH(i, n) {
        int outer = i / channels / area, plain = (outer * channels + i % channels) * area + i / channels % area;
        uint word = philox(plain / 4, plain % 4, (unsigned long long)numbers[PASSES], k0, k1);
        y[i] = word >= threshold ? x[i] * factor : (real)0;
    }
}

// Recurrent networks, one step of n / columns sequences at once

// y (rows, columns) = x times the mark of each row; y may be x.
KERNEL mark_rows(int n, const real* x, const real* marks, real* y, int columns) {
    EACH(i, n) y[i] = x[i] * marks[i / columns];
}

__device__ real sigmoid(real x) { return 1 / (1 + exp(-x)); }

// The gates (N, 4, H) input, forget, output, candidate of what they are given, and the next cell and hidden (N, H).
KERNEL lstm_forward(int n, const real* given, const real* marks, const real* before, real* gates, real* cell,
                    real* hidden, int H) {
    EACH(i, n) {
        int row = i / H, first = row * 4 * H + i % H;
        real entered = sigmoid(given[first]), kept = sigmoid(given[first + H]) * marks[row];
        real shown = sigmoid(given[first + 2 * H]), candidate = tanh(given[first + 3 * H]);
        real now = kept * before[i] + entered * candidate;
        gates[first] = entered;
        gates[first + H] = kept;
        gates[first + 2 * H] = shown;
        gates[first + 3 * H] = candidate;
        cell[i] = now;
        hidden[i] = shown * tanh(now);
    }
}

// given_diff (N, 4, H), and cell_diff (N, H) becomes that of the cell before. `later` is the hidden state's gradient
// that comes from the next step, null in the last one, where cell_diff counts as zero too.
KERNEL lstm_backward(int n, const real* before, const real* gates, const real* cell, const real* hidden_diff,
                     const real* later, real* cell_diff, real* given_diff, int H) {
    EACH(i, n) {
        int first = i / H * 4 * H + i % H;
        real entered = gates[first], kept = gates[first + H], shown = gates[first + 2 * H];
        real candidate = gates[first + 3 * H], seen = tanh(cell[i]);
        real hidden = later ? hidden_diff[i] + later[i] : hidden_diff[i];
        real total = (later ? cell_diff[i] : (real)0) + hidden * shown * (1 - seen * seen);
        given_diff[first] = total * candidate * entered * (1 - entered);
        given_diff[first + H] = total * before[i] * kept * (1 - kept);
        given_diff[first + 2 * H] = hidden * seen * shown * (1 - shown);
        given_diff[first + 3 * H] = total * entered * (1 - candidate * candidate);
        cell_diff[i] = total * kept;
    }
}

KERNEL tanh_forward(int n, const real* x, real* y) {
    EACH(i, n) y[i] = tanh(x[i]);
}

// dx = (dy + more) times the slope of the hyperbolic tangent whose value is y; `more` may be null.
KERNEL tanh_backward(int n, const real* y, const real* dy, const real* more, real* dx) {
    EACH(i, n) dx[i] = (more ? dy[i] + more[i] : dy[i]) * (1 - y[i] * y[i]);
}

// Solver updates over a whole arena. `starts` are the first elements of the segments, `multipliers` their pairs of
// lr_mult and decay_mult. g becomes what is subtracted from w.

__device__ int segment_of(int i, const int* starts, int segments) {
    int low = 0, high = segments - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (starts[middle] <= i) low = middle;
        else high = middle - 1;
    }
    return low;
}

#define UPDATE(name, ...)                                                                                              \
    KERNEL name(int n, const double* numbers, const int* starts, const double* multipliers, int segments, int l1,      \
                real* weight, real* gradient, __VA_ARGS__)

#define EACH_PARAMETER(i, n)                                                                                           \
    EACH(i, n) {                                                                                                       \
        const int segment = segment_of(i, starts, segments);                                                           \
        const real rate = (real)(numbers[RATE] * multipliers[2 * segment]);                                            \
        const real decay = (real)(numbers[DECAY] * multipliers[2 * segment + 1]);                                      \
        const real w = weight[i];                                                                                      \
        real g = gradient[i] * (real)numbers[SCALE];                                                                   \
        if (decay != 0) g += decay * (l1 ? (real)((w > 0) - (w < 0)) : w);

#define END_PARAMETER                                                                                                  \
        gradient[i] = g;                                                                                               \
        weight[i] = w - g;                                                                                             \
    }

UPDATE(update_sgd, real* v) {
    const real momentum = (real)numbers[MOMENTUM];
    EACH_PARAMETER(i, n)
    g = momentum * v[i] + rate * g;
    v[i] = g;
    END_PARAMETER
}

UPDATE(update_nesterov, real* v) {
    const real momentum = (real)numbers[MOMENTUM], ahead = (real)(1 + numbers[MOMENTUM]);
    EACH_PARAMETER(i, n)
    real before = momentum * v[i], now = before + rate * g;
    v[i] = now;
    g = ahead * now - before;
    END_PARAMETER
}

UPDATE(update_adagrad, real* h) {
    const real delta = (real)numbers[DELTA];
    EACH_PARAMETER(i, n)
    real squares = h[i] + g * g;
    h[i] = squares;
    g = g / (sqrt(squares) + delta) * rate;
    END_PARAMETER
}

UPDATE(update_rmsprop, real* h) {
    const real keep = (real)numbers[RMS_DECAY], take = (real)(1 - numbers[RMS_DECAY]), delta = (real)numbers[DELTA];
    EACH_PARAMETER(i, n)
    real mean = keep * h[i] + take * (g * g);
    h[i] = mean;
    g = g / (sqrt(mean) + delta) * rate;
    END_PARAMETER
}

UPDATE(update_adadelta, real* h, real* u) {
    const real keep = (real)numbers[MOMENTUM], take = (real)(1 - numbers[MOMENTUM]), delta = (real)numbers[DELTA];
    EACH_PARAMETER(i, n)
    real mean = keep * h[i] + take * (g * g), steps = u[i];
    h[i] = mean;
    g *= sqrt((steps + delta) / (mean + delta));
    u[i] = keep * steps + take * (g * g);
    g *= rate;
    END_PARAMETER
}

UPDATE(update_adam, real* m, real* v) {
    const real keep = (real)numbers[MOMENTUM], take = (real)(1 - numbers[MOMENTUM]);
    const real keep2 = (real)numbers[MOMENTUM2], take2 = (real)(1 - numbers[MOMENTUM2]), delta = (real)numbers[DELTA];
    EACH_PARAMETER(i, n)
    real mean = keep * m[i] + take * g, squares = keep2 * v[i] + take2 * (g * g);
    m[i] = mean;
    v[i] = squares;
    g = mean / (sqrt(squares) + delta) * (real)(rate * numbers[CORRECTION]);
    END_PARAMETER
}
