#include "commands.hpp"

#include <hiredis/hiredis.h>

#include <boost/container/small_vector.hpp>

#include <memory>
#include <new>

namespace tiercel::redis {

namespace {

struct FreeCommand {
    void operator()(char* command) const noexcept { redisFreeSdsCommand(command); }
};

} // namespace

void Commands::add(std::span<const BytesView> words, Slot slot, std::size_t keys) {
    boost::container::small_vector<const char*, 16> data;
    boost::container::small_vector<std::size_t, 16> sizes;
    data.reserve(words.size());
    sizes.reserve(words.size());
    for (const auto word : words) {
        data.push_back(word.data());
        sizes.push_back(word.size());
    }
    // Not redisFormatCommandArgv, which goes through sprintf for each word.
    sds text = nullptr;
    const auto size = redisFormatSdsCommandArgv(&text, static_cast<int>(words.size()), data.data(), sizes.data());
    if (size < 0) throw std::bad_alloc();
    const std::unique_ptr<char, FreeCommand> owner(text);
    bytes_.append(text, static_cast<std::size_t>(size));
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
