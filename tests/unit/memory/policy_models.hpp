#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace tiercel::memory::test {

/// A published eviction policy, written down plainly, over keys in std::lists that are searched from end to end.
/// It is called as a Policy is; a new value of a resident key changes nothing.
class PolicyModel {
public:
    using Key = std::uint64_t;

    virtual ~PolicyModel() = default;

    /// 0: as many as there are, when the next key comes.
    void set_capacity(std::size_t entries);

    virtual void prepare(Key) {}
    virtual void insert(Key key) = 0;
    virtual void hit(Key key) = 0;
    virtual void evict(Key key) = 0;
    virtual void drop(Key key) = 0;
    virtual std::optional<Key> victim(std::optional<Key> spared) = 0;

protected:
    /// The bound, or without one the number of residents.
    std::size_t capacity_for(std::size_t residents) const;

    virtual void capacity_changed() {}
    std::size_t bound_ = 0;
};

/// Of one of the names of eviction::names() that has a model; null for the others.
std::unique_ptr<PolicyModel> model_of(std::string_view policy);

} // namespace tiercel::memory::test
