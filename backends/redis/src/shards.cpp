#include "shards.hpp"

#include "transport/in_parallel.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace tiercel::redis {

namespace asio = boost::asio;

namespace {

std::vector<Shards::Shard> by_name(std::vector<Shards::Shard> shards) {
    std::sort(shards.begin(), shards.end(), [](const auto& a, const auto& b) { return a.member.name < b.member.name; });
    return shards;
}

std::vector<HashRing::Member> members_of(const std::vector<Shards::Shard>& shards) {
    std::vector<HashRing::Member> members;
    members.reserve(shards.size());
    for (const auto& shard : shards)
        members.push_back(shard.member);
    return members;
}

} // namespace

Shards::Shards(std::shared_ptr<spi::Runtime> runtime, std::vector<Shard> shards, const Options& options)
    : Exchange(std::move(runtime), "redis shards", options),
      shards_(by_name(std::move(shards))),
      ring_(members_of(shards_)) {}

asio::awaitable<std::vector<Answer>> Shards::run(Commands commands, SteadyTime deadline) {
    std::vector<Places> places(shards_.size());
    for (std::size_t i = 0; i < commands.count(); ++i)
        places[commands.slot(i)].push_back(i);
    const auto first = commands.slot(0);
    if (places[first].size() == commands.count()) {
        co_return co_await shards_[first].server->run(std::move(commands), deadline);
    }
    std::vector<Answer> answers(commands.count(), Answer(Error()));
    std::vector<asio::awaitable<void>> parts;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        if (places[i].empty()) continue;
        parts.push_back(run_part(*shards_[i].server, commands.only(places[i]), places[i], deadline, answers));
    }
    co_await transport::in_parallel(std::move(parts));
    co_return answers;
}

/// Each part writes the answers at its own places.
asio::awaitable<void> Shards::run_part(Exchange& server, Commands part, const Places& places, SteadyTime deadline,
                                       std::vector<Answer>& answers) {
    auto got = co_await server.run(std::move(part), deadline);
    for (std::size_t i = 0; i < places.size(); ++i)
        answers[places[i]] = std::move(got[i]);
}

asio::awaitable<Result<std::vector<std::string>>> Shards::servers(SteadyTime) {
    std::vector<std::string> names;
    names.reserve(shards_.size());
    for (const auto& shard : shards_)
        names.push_back(shard.member.name);
    co_return names;
}

asio::awaitable<Answer> Shards::run_at(std::string server, Commands command, SteadyTime deadline) {
    const auto found =
        std::find_if(shards_.begin(), shards_.end(), [&](const auto& shard) { return shard.member.name == server; });
    if (found == shards_.end()) {
        co_return Error(Errc::moved,
                        label() + ": the list names no such server; begin the scan again, with the same list");
    }
    auto answers = co_await found->server->run(std::move(command), deadline);
    co_return std::move(answers.front());
}

std::vector<ReplicaPart> Shards::at_replicas(std::span<const Slot> slots, const Places& places, SteadyTime now) {
    std::map<Slot, Places> of_shards;
    for (const auto place : places)
        of_shards[slots[place]].push_back(place);
    std::vector<ReplicaPart> parts;
    for (const auto& [shard, those] : of_shards)
        for (auto& part : shards_[shard].server->at_replicas(slots, those, now))
            parts.push_back(std::move(part));
    return parts;
}

void Shards::close() noexcept {
    for (const auto& shard : shards_)
        shard.server->close();
}

} // namespace tiercel::redis
