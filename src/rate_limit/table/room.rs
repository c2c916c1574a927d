//! How many shards, and of what size.

/// More shards than threads that are likely to decide at one moment.
const MOST_SHARDS: usize = 64;
/// In a smaller shard a full one beside empty ones would be too likely.
const LEAST_KEYS: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// A power of two.
    pub(super) shards: usize,
    pub(super) keys_per_shard: usize,
}

impl Room {
    pub(super) fn of(max_keys: usize) -> Self {
        let max_keys = max_keys.max(1);
        let wanted = (max_keys / LEAST_KEYS).clamp(1, MOST_SHARDS);
        let shards = 1 << wanted.ilog2();
        Self {
            shards,
            keys_per_shard: max_keys.div_ceil(shards),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_powers_of_two_and_hold_all_keys_together() {
        for max_keys in [0, 1, 255, 256, 511, 512, 1_000, 100_000, 1 << 30] {
            let room = Room::of(max_keys);
            assert!(room.shards.is_power_of_two() && room.shards <= MOST_SHARDS);
            let all = room.shards * room.keys_per_shard;
            assert!(all >= max_keys.max(1), "{max_keys}: {room:?}");
            assert!(all - max_keys.max(1) < room.shards, "{max_keys}: {room:?}");
        }
        assert_eq!(Room::of(300).shards, 1);
    }
}
