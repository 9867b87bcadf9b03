#include "slot.hpp"

#include <boost/crc.hpp>

namespace tiercel::redis {

namespace {

using Crc16Xmodem = boost::crc_optimal<16, 0x1021, 0, 0, false, false>;

BytesView hashed_part(BytesView key) noexcept {
    const auto open = key.find('{');
    if (open == BytesView::npos) return key;
    const auto close = key.find('}', open + 1);
    if (close == BytesView::npos || close == open + 1) return key;
    return key.substr(open + 1, close - open - 1);
}

} // namespace

Slot slot_of(BytesView key) noexcept {
    const auto part = hashed_part(key);
    Crc16Xmodem crc;
    crc.process_bytes(part.data(), part.size());
    return static_cast<Slot>(crc.checksum() % slot_count);
}

} // namespace tiercel::redis
