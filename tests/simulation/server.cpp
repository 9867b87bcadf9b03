#include "server.hpp"

#include <algorithm>
#include <iterator>

namespace tiercel::simulation {

using std::chrono::milliseconds;

Server::Server(std::shared_ptr<testing::VirtualRuntime> runtime, Recorder& recorder, const Settings& settings,
               std::uint32_t number)
    : runtime_(std::move(runtime)), recorder_(recorder), settings_(settings), number_(number) {}

void Server::serve(std::function<void()> work) {
    if (stopped_) {
        waiting_.push_back(std::move(work));
    } else {
        work();
    }
}

const Server::Stored* Server::find(const Bytes& key) {
    const auto place = contents_.find(key);
    if (place == contents_.end()) return nullptr;
    if (place->second.expires <= runtime_->now()) {
        contents_.erase(place);
        return nullptr;
    }
    return &place->second;
}

void Server::put(const Bytes& key, Bytes bytes, std::optional<milliseconds> ttl, std::size_t life) {
    auto expires = SteadyTime::max();
    if (ttl) {
        expires = runtime_->now() + *ttl;
        if (settings_.whole_seconds) expires = std::chrono::ceil<std::chrono::seconds>(expires);
    }
    contents_[key] = Stored{std::move(bytes), expires, spi::Version{++versions_}, life, recorder_.now()};
}

bool Server::erase(const Bytes& key) {
    const bool was_there = find(key) != nullptr;
    contents_.erase(key);
    return was_there;
}

std::optional<milliseconds> Server::remaining(const Stored& stored) const {
    if (!settings_.reads_ttl || stored.expires == SteadyTime::max()) return std::nullopt;
    return std::max(milliseconds(1), std::chrono::floor<milliseconds>(stored.expires - runtime_->now()));
}

const Bytes* Server::other_than(const Bytes& key, Dice& dice) {
    if (contents_.empty()) return nullptr;
    const auto other = std::next(contents_.begin(), static_cast<std::ptrdiff_t>(dice.below(contents_.size())));
    return other->first == key ? nullptr : &other->second.bytes;
}

void Server::stop() {
    stopped_ = true;
    recorder_.note("server " + std::to_string(number_) + " stops");
}

void Server::resume() {
    if (!stopped_) return;
    stopped_ = false;
    recorder_.note("server " + std::to_string(number_) + " runs again");
    const auto all = std::exchange(waiting_, {});
    for (const auto& work : all)
        work();
}

void Server::flush() {
    contents_.clear();
    recorder_.note("server " + std::to_string(number_) + " is flushed");
}

void Server::restart() {
    contents_.clear();
    waiting_.clear();
    stopped_ = false;
    ++incarnation_;
    recorder_.note("server " + std::to_string(number_) + " restarts, empty");
}

} // namespace tiercel::simulation
