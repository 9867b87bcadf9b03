#include "transport/arriving_value.hpp"

#include <algorithm>
#include <utility>

namespace tiercel::transport {

namespace {

/// Room before anything has come; also the most that is made ready for the socket at a time: zeros, which are still in
/// the processor's cache when they are overwritten.
constexpr std::size_t step_bytes = std::size_t{64} << 10;
/// Room for what has come so many times, and a step. What has come moves when its room is used up, which costs a copy
/// of a 15th of a value in all, and of the first step.
constexpr std::size_t growth = 16;

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
    const std::size_t least = least_room();
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

/// Less is read with what follows.
std::size_t ArrivingValue::least_room() const noexcept {
    return std::clamp<std::size_t>(large_bytes_ / 4, 1, step_bytes / 2);
}

/// Room for `bytes`, and for as much as `came` bytes are good for.
void ArrivingValue::grow_to(std::size_t bytes, std::size_t came) {
    if (bytes <= text_.capacity()) return;
    // For all of it, or for the 16th of it that earns that, or for the 16th of that: more would move as well.
    std::size_t room = size_;
    while (room > step_bytes && came < (room - step_bytes) / growth)
        room = room / growth + least_room();
    room = std::max({room, bytes, std::min(size_, step_bytes)});
    Bytes larger; // not reserve, which doubles at least
    larger.reserve(room);
    larger.append(text_, 0, came_);
    text_.swap(larger);
}

} // namespace tiercel::transport
