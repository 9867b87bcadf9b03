#include <tiercel/spi/backend.hpp>

namespace tiercel::spi {

boost::asio::awaitable<Result<ScanPage>> Backend::scan(BytesView, std::string, CallContext) {
    co_return Error(Errc::unsupported, std::string(name()) + " cannot list its keys");
}

} // namespace tiercel::spi
