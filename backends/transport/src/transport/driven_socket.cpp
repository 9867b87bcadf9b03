#include "transport/driven_socket.hpp"

#include "transport/connection_errors.hpp"

#include <boost/asio/error.hpp>

#include <array>
#include <span>

namespace tiercel::transport {

namespace {

constexpr std::size_t receive_together_bytes = std::size_t{256} << 10;
constexpr std::size_t receive_bytes = std::size_t{16} << 10;

} // namespace

void DrivenSocket::receive(Received& received, const std::string& label) {
    std::array<char, receive_bytes> input; // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
    std::size_t total = 0;
    while (total < receive_together_bytes) {
        boost::system::error_code error;
        const auto room = codec_->room();
        const auto to = room.empty() ? std::span<char>(input) : room;
        const std::size_t got = socket.receive(to.data(), to.size(), error);
        if (error == boost::asio::error::would_block) return;
        if (error) {
            received.end = broke_error(label, error);
            return;
        }
        received.anything = true;
        total += got;
        if (!room.empty()) {
            codec_->filled(got);
        } else if (auto fed = codec_->feed(BytesView(input.data(), got), received.replies); !fed) {
            received.end = Error(fed.error().code(), label + ": " + fed.error().message());
            return;
        }
        if (got < to.size()) return;
    }
}

} // namespace tiercel::transport
