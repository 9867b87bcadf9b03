#include "transport/arriving_value.hpp"

#include <algorithm>
#include <utility>

namespace tiercel::transport {

namespace {

/// Room before anything has come; also the most that is made ready for the socket at a time: zeros, which are still in
/// the processor's cache when they are overwritten.
constexpr std::size_t step_bytes = std::size_t{64} << 10;
/// Room for what has come so many times. What has come moves when it is used up, so that a 128th of a large value, or
/// the first step of it, is copied once for that.
constexpr std::size_t growth = 128;

} // namespace

void ArrivingValue::begin(std::size_t size) {
    Bytes().swap(text_);
    size_ = size;
    came_ = 0;
}

void ArrivingValue::append(BytesView part) {
    grow_to(came_ + part.size(), came_ + part.size());
    const std::size_t ready = std::min(text_.size() - came_, part.size());
    part.copy(text_.data() + came_, ready);
    text_.append(part.substr(ready));
    came_ += part.size();
}

std::span<char> ArrivingValue::room() {
    const std::size_t least = std::max<std::size_t>(large_bytes_ / 4, 1); // less is read with what follows
    if (left() < least) return {};
    if (text_.size() - came_ < least) {
        const std::size_t end = came_ + std::min(left(), step_bytes);
        if (text_.capacity() < came_ + least) grow_to(end, came_);
        text_.resize(std::min(end, text_.capacity()));
    }
    return {text_.data() + came_, text_.size() - came_};
}

Bytes ArrivingValue::take() noexcept {
    return std::exchange(text_, {});
}

/// Room for `bytes`, and for as much as `came` bytes are good for.
void ArrivingValue::grow_to(std::size_t bytes, std::size_t came) {
    if (bytes <= text_.capacity()) return;
    const std::size_t earned = came > size_ / growth ? size_ : came * growth;
    Bytes larger; // not reserve, which doubles at least
    larger.reserve(std::max({bytes, earned, std::min(size_, step_bytes)}));
    larger.append(text_, 0, came_);
    text_.swap(larger);
}

} // namespace tiercel::transport
