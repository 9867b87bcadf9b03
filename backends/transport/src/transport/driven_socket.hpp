#pragma once

#include "transport/codec.hpp"
#include "transport/plain_socket.hpp"

#include <tiercel/result.hpp>
#include <tiercel/spi/bytes.hpp>
#include <tiercel/spi/clock.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::transport {

/// A DrivenConnection's socket, and what its writer and its reader have of it.
/// Thread safety: `socket` as PlainSocket; receive is the reader's; the rest is under the connection's lock, but that
/// the writer reads `outgoing` without.
class DrivenSocket {
public:
    DrivenSocket(int descriptor, std::unique_ptr<Codec> codec) : socket(descriptor), codec_(std::move(codec)) {}

    bool has_outgoing() const noexcept { return written < outgoing.size(); }

    /// What the reader has got.
    struct Received {
        std::vector<Reply> replies;
        bool anything = false;
        std::optional<Error> end; ///< why nothing more is to be expected
    };
    /// Takes what has come, without waiting for more, and not too much of it.
    void receive(Received& received, const std::string& label);

    PlainSocket socket;
    Bytes outgoing;
    std::size_t written = 0; ///< of outgoing
    bool writing = false;
    bool reading = false;
    SteadyTime reader_wakes_at = SteadyTime::min(); ///< from its wait; the least while it does not wait
    bool stuffed = false;                           ///< the kernel takes no more
    bool served = false;                            ///< a caller's command was answered

private:
    const std::unique_ptr<Codec> codec_;
};

} // namespace tiercel::transport
