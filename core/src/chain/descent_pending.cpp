#include "descent.hpp"

namespace tiercel::chain {

/// True if there were any.
bool Descent::take_pending_writes() {
    auto& chain = *chain_;
    if (!chain.write_behind) return false;
    return std::erase_if(pending_, [&](std::size_t i) {
               auto& item = items_[i];
               const auto written = chain.write_behind->find(item.entry->ref());
               if (!written) return false;
               try {
                   chain.options.types.copy_value(*item.entry, *written);
               } catch (...) {
                   finish(item, Error(Errc::codec_failed, "copying the pending value threw"));
                   return true;
               }
               const auto now = chain.runtime->now();
               item.entry->created = detail::to_nanos(now);
               item.entry->version = began_;
               item.life = chain.life_of(options_.ttl);
               item.entry->expires = chain.memory_expiry(now, item.life);
               answer_with(item, {Source::Kind::queue, 0});
               return true;
           }) != 0;
}

} // namespace tiercel::chain
