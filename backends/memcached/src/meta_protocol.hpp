#pragma once

#include "transport/codec.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tiercel::memcached {

/// memcached's meta protocol. The greeting is a look-up with an opaque, which servers before 1.6.18 do not repeat for
/// an item that they do not have, and `mn`, which only a memcached answers with MN.
class MetaProtocol final : public transport::Protocol {
public:
    /// `label`: of the server, for messages.
    MetaProtocol(std::string label, std::size_t max_value_bytes)
        : label_(std::move(label)), max_value_bytes_(max_value_bytes) {}

    std::string_view name() const noexcept override { return "memcached"; }
    std::unique_ptr<transport::Codec> make_codec() const override;
    std::string_view advice_for_tls() const noexcept override { return "give memcached::Options::tls"; }
    std::string_view advice_for_plain_text() const noexcept override { return "leave memcached::Options::tls out"; }

private:
    const std::string label_;
    const std::size_t max_value_bytes_;
};

} // namespace tiercel::memcached
