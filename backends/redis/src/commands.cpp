#include "commands.hpp"

#include <charconv>

namespace tiercel::redis {

namespace {

/// More than a word has beside its bytes: '$', a length, two line ends.
constexpr std::size_t word_overhead = 26;

void append_header(Bytes& to, char type, std::size_t number) {
    char text[word_overhead];
    text[0] = type;
    char* const end = std::to_chars(text + 1, text + sizeof text - 2, number).ptr;
    end[0] = '\r';
    end[1] = '\n';
    to.append(text, end + 2);
}

} // namespace

void Commands::add(std::span<const BytesView> words, Slot slot, std::size_t keys) {
    if (bytes_.empty()) {
        std::size_t size = word_overhead;
        for (const auto word : words)
            size += word.size() + word_overhead;
        bytes_.reserve(size);
    }
    append_header(bytes_, '*', words.size());
    for (const auto word : words) {
        append_header(bytes_, '$', word.size());
        bytes_.append(word).append("\r\n");
    }
    parts_.push_back({bytes_.size(), slot, keys > 1});
}

Commands Commands::only(std::span<const std::size_t> places) const {
    Commands some;
    std::size_t size = 0;
    for (const auto place : places)
        size += bytes(place).size();
    some.bytes_.reserve(size);
    some.parts_.reserve(places.size());
    for (const auto place : places) {
        some.bytes_ += bytes(place);
        some.parts_.push_back(parts_[place]);
        some.parts_.back().end = some.bytes_.size();
    }
    return some;
}

BytesView Commands::bytes(std::size_t place) const noexcept {
    const std::size_t begin = place == 0 ? 0 : parts_[place - 1].end;
    return BytesView(bytes_).substr(begin, parts_[place].end - begin);
}

} // namespace tiercel::redis
