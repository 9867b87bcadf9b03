#pragma once

#include "commands.hpp"
#include "transport/reply.hpp"
#include "url.hpp"

#include <tiercel/result.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace tiercel::redis {

using transport::Reply;

/// What is said on a new connection before anybody's call: AUTH, SELECT, CLIENT SETNAME, ROLE, READONLY as needed,
/// and always a PING, so that a peer that accepts but does not answer is found out here.
/// Thread safety: none.
class Handshake {
public:
    Handshake(const Address& address, const std::string& client_name);

    /// All of it, to be sent at once.
    const Bytes& request() const noexcept { return commands_.bytes(); }

    /// Judges the next reply. A server that is loading, or forbids what we can do without, is good enough.
    /// Errors: why the connection is of no use.
    Result<void> on_reply(const Reply& reply);

    bool is_complete() const noexcept { return answered_ == steps_.size(); }

private:
    enum class Step : unsigned char { authenticate, select, set_name, be_master, answer_reads, ping };

    void add(Step step, std::initializer_list<BytesView> words);

    const std::string label_;
    Commands commands_;
    std::vector<Step> steps_;
    std::size_t answered_ = 0;
};

} // namespace tiercel::redis
