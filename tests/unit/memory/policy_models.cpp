#include "policy_models.hpp"

#include "memory/duel.hpp"
#include "memory/fingerprint_ghost.hpp"
#include "memory/frequency_sketch.hpp"

#include <tiercel/hash.hpp>

#include <algorithm>
#include <cmath>
#include <list>
#include <map>

namespace tiercel::memory::test {

void PolicyModel::set_capacity(std::size_t entries) {
    bound_ = entries;
    if (entries != 0) capacity_changed();
}

std::size_t PolicyModel::capacity_for(std::size_t residents) const {
    return bound_ != 0 ? bound_ : std::max<std::size_t>(residents, 1);
}

namespace {

using Key = PolicyModel::Key;
using Keys = std::list<Key>;

bool holds(const Keys& keys, Key key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// True if it was there.
bool take(Keys& keys, Key key) {
    return std::erase(keys, key) != 0;
}

std::optional<Key> first_but(const Keys& keys, std::optional<Key> spared) {
    for (const Key key : keys)
        if (key != spared) return key;
    return std::nullopt;
}

class ClockModel final : public PolicyModel {
public:
    void insert(Key key) override { queue_.push_back(key); }
    void hit(Key key) override { used_[key] = true; }
    void evict(Key key) override { drop(key); }
    void drop(Key key) override {
        take(queue_, key);
        used_.erase(key);
    }
    std::optional<Key> victim(std::optional<Key> spared) override {
        for (;;) {
            const auto key = first_but(queue_, spared);
            if (!key || !used_[*key]) return key;
            used_[*key] = false;
            take(queue_, *key);
            queue_.push_back(*key);
        }
    }

private:
    Keys queue_;
    std::map<Key, bool> used_;
};

class SieveModel final : public PolicyModel {
public:
    void insert(Key key) override { queue_.push_back(key); }
    void hit(Key key) override { used_[key] = true; }
    void evict(Key key) override { drop(key); }
    void drop(Key key) override {
        if (hand_ != queue_.end() && *hand_ == key) ++hand_;
        take(queue_, key);
        used_.erase(key);
    }
    std::optional<Key> victim(std::optional<Key> spared) override {
        if (!first_but(queue_, spared)) return std::nullopt;
        for (;; ++hand_) {
            if (hand_ == queue_.end()) hand_ = queue_.begin();
            if (*hand_ == spared) continue;
            if (!used_[*hand_]) return *hand_;
            used_[*hand_] = false;
        }
    }

private:
    Keys queue_; ///< oldest first
    Keys::iterator hand_ = queue_.end();
    std::map<Key, bool> used_;
};

class S3FifoModel final : public PolicyModel {
public:
    void prepare(Key key) override {
        capacity_ = capacity_for(small_.size() + main_.size());
        forget();
        from_ghost_ = take(ghosts_, key);
    }
    void insert(Key key) override {
        (from_ghost_ ? main_ : small_).push_back(key);
        from_ghost_ = false;
        uses_[key] = 0;
    }
    void hit(Key key) override { uses_[key] = std::min(uses_[key] + 1, 3); }
    void evict(Key key) override {
        if (holds(small_, key)) ghosts_.push_back(key);
        forget();
        drop(key);
    }
    void drop(Key key) override {
        take(small_, key);
        take(main_, key);
        uses_.erase(key);
    }
    std::optional<Key> victim(std::optional<Key> spared) override {
        const std::size_t small_share = std::max<std::size_t>(capacity_ / 10, 1);
        if (main_.size() <= capacity_ - small_share) {
            while (const auto key = first_but(small_, spared)) {
                if (uses_[*key] < 2) return key;
                take(small_, *key);
                main_.push_back(*key);
                uses_[*key] = 0;
            }
        }
        while (const auto key = first_but(main_, spared)) {
            if (uses_[*key] == 0) return key;
            --uses_[*key];
            take(main_, *key);
            main_.push_back(*key);
        }
        return first_but(small_, spared);
    }

private:
    void capacity_changed() override {
        capacity_ = bound_;
        forget();
    }
    void forget() {
        while (ghosts_.size() > capacity_ * 9 / 10)
            ghosts_.pop_front();
    }

    std::size_t capacity_ = 1;
    Keys small_;
    Keys main_;
    Keys ghosts_;
    std::map<Key, int> uses_;
    bool from_ghost_ = false;
};

class ArcModel final : public PolicyModel {
public:
    void prepare(Key key) override {
        if (bound_ == 0) resize(capacity_for(t1_.size() + t2_.size()));
        in_b1_ = holds(b1_, key);
        in_b2_ = holds(b2_, key);
        if (in_b1_) p_ = std::min(c_, p_ + std::max<std::size_t>(b2_.size() / b1_.size(), 1));
        if (in_b2_) p_ -= std::min(p_, std::max<std::size_t>(b1_.size() / b2_.size(), 1));
        take(b1_, key);
        take(b2_, key);
    }
    void insert(Key key) override {
        (in_b1_ || in_b2_ ? t2_ : t1_).push_back(key);
        in_b1_ = in_b2_ = false;
        forget(c_);
    }
    void hit(Key key) override {
        drop(key);
        t2_.push_back(key);
    }
    void evict(Key key) override {
        (holds(t1_, key) ? b1_ : b2_).push_back(key);
        drop(key);
        forget(c_ + 1); // the newcomer is yet to come
    }
    void drop(Key key) override {
        take(t1_, key);
        take(t2_, key);
    }
    std::optional<Key> victim(std::optional<Key> spared) override {
        const bool from_t1 = t1_.size() > p_ || (in_b2_ && t1_.size() == p_);
        const auto preferred = first_but(from_t1 ? t1_ : t2_, spared);
        return preferred ? preferred : first_but(from_t1 ? t2_ : t1_, spared);
    }

private:
    void capacity_changed() override { resize(bound_); }
    void resize(std::size_t capacity) {
        c_ = capacity;
        p_ = std::min(p_, c_);
        forget(c_);
    }
    void forget(std::size_t most) {
        while (!b1_.empty() && t1_.size() + b1_.size() > c_)
            b1_.pop_front();
        while (b1_.size() + b2_.size() > most)
            (b2_.empty() ? b1_ : b2_).pop_front();
    }

    std::size_t c_ = 1;
    std::size_t p_ = 0;
    Keys t1_;
    Keys t2_;
    Keys b1_;
    Keys b2_;
    bool in_b1_ = false;
    bool in_b2_ = false;
};

/// Takes the choice from a duel and ghosts from their table, which have tests of their own.
class AdaptiveModel final : public PolicyModel {
public:
    void prepare(Key key) override {
        const std::size_t size = probation_.size() + protected_.size();
        if (bound_ == 0 && (size > part_ + part_ / 2 || size + size / 2 < part_)) resize(size);
        duel_.make_ready();
        duel_.observe(hash_of(key));
        has_ghost_ = may_challenge_ = ghosts_.take(hash_of(key));
    }
    void insert(Key key) override {
        (has_ghost_ ? protected_ : probation_).push_back(key);
        uses_[key] = has_ghost_ ? 1 : 0;
        has_ghost_ = may_challenge_ = false;
    }
    void hit(Key key) override {
        if (uses_[key] == 7) return;
        ++uses_[key];
        duel_.observe(hash_of(key));
    }
    void evict(Key key) override {
        if (holds(probation_, key)) ghosts_.put(hash_of(key));
        drop(key);
    }
    void drop(Key key) override {
        take(probation_, key);
        take(protected_, key);
        uses_.erase(key);
    }
    std::optional<Key> victim(std::optional<Key> spared) override {
        const Tuning tuning = duel_.choice();
        const std::size_t size = probation_.size() + protected_.size();
        const std::size_t share =
            std::clamp<std::size_t>((size * tuning.probation_percent + 50) / 100, 1, size > 2 ? size - 1 : 1);
        if (may_challenge_ && probation_.size() >= share && !protected_.empty()) {
            has_ghost_ = may_challenge_ = false;
            for (int look = 0; look < 3; ++look) {
                const auto key = at_hand(spared);
                if (!key) break;
                if (uses_[*key] == 0) {
                    has_ghost_ = true;
                    return key;
                }
                if (++looks_ >= tuning.wear) {
                    looks_ = 0;
                    --uses_[*key];
                }
                pass();
            }
        }
        int to_fill = 8;
        for (;;) {
            const auto oldest = first_but(probation_, spared);
            if (oldest && (probation_.size() > share || protected_.empty())) {
                if (uses_[*oldest] < 2) {
                    if (to_fill == 0 || protected_.size() + 1 + share >= size) return oldest;
                    --to_fill;
                }
                uses_[*oldest] = 0;
                take(probation_, *oldest);
                protected_.push_back(*oldest);
                continue;
            }
            const auto key = at_hand(spared);
            if (!key) return oldest;
            if (uses_[*key] == 0) return key;
            --uses_[*key];
            pass();
        }
    }

private:
    /// The hand is in front; it passes whom it is to spare.
    std::optional<Key> at_hand(std::optional<Key> spared) {
        if (!protected_.empty() && protected_.front() == spared) pass();
        return protected_.empty() || protected_.front() == spared ? std::nullopt : std::optional(protected_.front());
    }
    void pass() { protected_.splice(protected_.end(), protected_, protected_.begin()); }
    void capacity_changed() override { resize(bound_); }
    void resize(std::size_t capacity) {
        if (capacity == part_) return;
        ghosts_.resize(2 * capacity);
        duel_.change_part(part_, capacity);
        part_ = capacity;
    }

    Duel duel_;
    FingerprintGhost ghosts_;
    std::size_t part_ = 0;
    bool has_ghost_ = false;
    bool may_challenge_ = false;
    unsigned looks_ = 0;
    Keys probation_;
    Keys protected_;
    std::map<Key, int> uses_;
};

/// Takes frequencies from the sketch, which has a test of its own.
class WTinyLfuModel final : public PolicyModel {
public:
    explicit WTinyLfuModel(bool adaptive) : adaptive_(adaptive) {}

    void prepare(Key key) override {
        if (bound_ == 0) resize(capacity_for(size()));
        if (!adaptive_ || size() >= capacity_ / 2) {
            const std::size_t needed = bound_ == 0 ? size() + 1 : std::min(size() + 1, bound_);
            const std::size_t room = std::max<std::size_t>(2 * needed, 4096);
            const std::size_t fitting = bound_ == 0 ? room : std::min(room, bound_);
            if (sketch_.entries() < needed || sketch_.entries() / 8 > fitting) sketch_.fit(fitting);
            sketch_.set_period(10 * capacity_);
        }
        sketch_.count(hash_of(key));
        ++requests_;
    }
    void insert(Key key) override {
        window_.push_back(key);
        if (window_.size() > window_most_) move(window_, probation_);
        if (adaptive_) climb();
        for (int moves = 0; moving_ && moves < 64; ++moves) {
            if (protected_.size() > protected_most_) {
                move(protected_, probation_);
            } else if (window_.size() > window_most_) {
                move(window_, probation_);
            } else if (window_.size() < window_most_ && size() >= capacity_ && !probation_.empty()) {
                move(probation_, window_);
            } else {
                moving_ = false;
            }
        }
    }
    void hit(Key key) override {
        ++requests_;
        ++hits_;
        sketch_.count(hash_of(key));
        if (take(window_, key)) {
            window_.push_back(key);
            return;
        }
        drop(key);
        protected_.push_back(key);
        if (protected_.size() > protected_most_) move(protected_, probation_);
    }
    void evict(Key key) override { drop(key); }
    void drop(Key key) override {
        take(window_, key);
        take(probation_, key);
        take(protected_, key);
    }
    std::optional<Key> victim(std::optional<Key> spared) override {
        const auto oldest = first_but(probation_, spared);
        const auto candidate = window_.size() < window_most_ ? std::nullopt : first_but(window_, spared);
        if (candidate) {
            if (!oldest || !admits(*candidate, *oldest)) return candidate;
            take(window_, *candidate);
            probation_.push_back(*candidate);
        }
        if (oldest) return oldest;
        const auto demoted = first_but(protected_, spared);
        return demoted ? demoted : first_but(window_, spared);
    }

private:
    std::size_t size() const { return window_.size() + probation_.size() + protected_.size(); }

    static void move(Keys& from, Keys& to) { to.splice(to.end(), from, from.begin()); }

    bool admits(Key candidate, Key oldest) {
        const unsigned frequency = sketch_.frequency(hash_of(candidate));
        if (frequency > sketch_.frequency(hash_of(oldest))) return true;
        return frequency > 5 && detail::mix(hash_of(candidate) + ++refused_) % 128 == 0;
    }

    void capacity_changed() override { resize(bound_); }

    void resize(std::size_t capacity) {
        if (capacity == capacity_) return;
        capacity_ = capacity;
        share_out();
    }

    void share_out() {
        const std::size_t main = capacity_ * 99 / 100;
        const std::size_t most = std::max<std::size_t>(capacity_ - (main - main * 4 / 5), 1);
        const double wanted = std::ceil(share_ * static_cast<double>(capacity_) - 1e-6);
        window_most_ = static_cast<std::size_t>(std::clamp(wanted, 1.0, static_cast<double>(most)));
        protected_most_ = most - window_most_;
        moving_ = true;
    }

    void climb() {
        if (sketch_.entries() == 0) requests_ = hits_ = 0;
        if (requests_ == 0 || requests_ < 10 * capacity_) return;
        const double ratio = static_cast<double>(hits_) / static_cast<double>(requests_);
        const double change = ratio - ratio_before_;
        const bool enough = hits_ + hits_before_ >= 32;
        ratio_before_ = ratio;
        hits_before_ = hits_;
        requests_ = hits_ = 0;
        if (!enough) return;
        const double step = change < 0 ? -step_ : step_;
        step_ = step * 0.98;
        if (std::abs(change) >= 0.05) step_ = step < 0 ? -0.0625 : 0.0625;
        const auto capacity = static_cast<double>(capacity_);
        share_ = (static_cast<double>(window_most_) + std::trunc(step * capacity)) / capacity;
        share_out();
    }

    const bool adaptive_;
    std::size_t capacity_ = 1;
    std::size_t window_most_ = 1;
    std::size_t protected_most_ = 0;
    double share_ = 0.01;
    bool moving_ = false;
    Keys window_;
    Keys probation_;
    Keys protected_;
    FrequencySketch sketch_;
    std::uint64_t refused_ = 0;

    std::uint64_t requests_ = 0;
    std::uint64_t hits_ = 0;
    std::uint64_t hits_before_ = 0;
    double ratio_before_ = 0;
    double step_ = -0.0625;
};

} // namespace

std::unique_ptr<PolicyModel> model_of(std::string_view policy) {
    if (policy == "adaptive") return std::make_unique<AdaptiveModel>();
    if (policy == "clock") return std::make_unique<ClockModel>();
    if (policy == "sieve") return std::make_unique<SieveModel>();
    if (policy == "s3_fifo") return std::make_unique<S3FifoModel>();
    if (policy == "arc") return std::make_unique<ArcModel>();
    if (policy == "w_tinylfu") return std::make_unique<WTinyLfuModel>(true);
    if (policy == "w_tinylfu_fixed") return std::make_unique<WTinyLfuModel>(false);
    return nullptr;
}

} // namespace tiercel::memory::test
