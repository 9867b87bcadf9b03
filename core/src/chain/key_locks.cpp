#include "key_locks.hpp"

#include <utility>

namespace tiercel::chain {

void KeyLocks::lock(std::vector<std::uint64_t> hashes, std::function<void()> go) {
    proceed(std::make_shared<Claim>(Claim{std::move(hashes), 0, std::move(go)}));
}

void KeyLocks::proceed(std::shared_ptr<Claim> claim) {
    {
        const std::lock_guard lock(mutex_);
        while (claim->held < claim->hashes.size()) {
            const auto [place, fresh] = locked_.try_emplace(claim->hashes[claim->held]);
            if (!fresh) {
                place->second.push_back(std::move(claim));
                ++waiting_;
                return;
            }
            ++claim->held;
        }
    }
    claim->go();
}

void KeyLocks::unlock(const std::vector<std::uint64_t>& hashes) {
    std::vector<std::shared_ptr<Claim>> next;
    {
        const std::lock_guard lock(mutex_);
        for (const auto hash : hashes) {
            const auto place = locked_.find(hash);
            if (place->second.empty()) {
                locked_.erase(place);
                continue;
            }
            auto claim = std::move(place->second.front()); // it inherits the lock
            place->second.pop_front();
            ++claim->held;
            next.push_back(std::move(claim));
            --waiting_;
        }
    }
    // A loop, not a recursion: each that goes may end, and unlock, at once.
    thread_local std::deque<std::pair<KeyLocks*, std::shared_ptr<Claim>>>* going = nullptr;
    if (going != nullptr) {
        for (auto& claim : next)
            going->emplace_back(this, std::move(claim));
        return;
    }
    std::deque<std::pair<KeyLocks*, std::shared_ptr<Claim>>> here;
    for (auto& claim : next)
        here.emplace_back(this, std::move(claim));
    going = &here;
    while (!here.empty()) {
        auto [locks, claim] = std::move(here.front());
        here.pop_front();
        locks->proceed(std::move(claim));
    }
    going = nullptr;
}

std::uint64_t KeyLocks::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_;
}

} // namespace tiercel::chain
