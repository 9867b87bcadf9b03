#include <tiercel/eviction.hpp>

#include "memory/policy.hpp"

std::string_view tiercel::Eviction::name() const noexcept {
    return kind_->name;
}
