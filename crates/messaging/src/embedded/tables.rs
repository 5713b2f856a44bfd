//! The tables of the store.

use redb::{Table, TableDefinition, WriteTransaction};

use crate::error::Error;

/// The format that this build writes and reads.
pub(crate) const FORMAT: u64 = 1;

/// `format` -> [`FORMAT`].
pub(crate) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// Topic name -> its id and its number of partitions.
pub(crate) const TOPICS: TableDefinition<'_, &str, (u32, u32)> = TableDefinition::new("topics");
/// Topic id, partition -> first offset, next offset, bytes kept.
pub(crate) const PARTITIONS: TableDefinition<'_, (u32, u32), (u64, u64, u64)> =
    TableDefinition::new("partitions");
/// Group, topic id, partition -> the offset that the group takes next.
pub(crate) const POSITIONS: TableDefinition<'_, (&str, u32, u32), u64> = TableDefinition::new("positions");
/// Topic id, partition, offset -> the record (see `frame`).
pub(crate) const RECORDS: TableDefinition<'_, RecordKey, &[u8]> = TableDefinition::new("records");

/// Topic id, partition, offset.
pub(crate) type RecordKey = (u32, u32, u64);

/// The tables of one write.
pub(crate) struct Tables<'t> {
    pub(crate) topics: Table<'t, &'static str, (u32, u32)>,
    pub(crate) partitions: Table<'t, (u32, u32), (u64, u64, u64)>,
    pub(crate) positions: Table<'t, (&'static str, u32, u32), u64>,
    pub(crate) records: Table<'t, RecordKey, &'static [u8]>,
}

impl<'t> Tables<'t> {
    /// Opens all tables, and creates those that are not there.
    pub(crate) fn open(write: &'t WriteTransaction) -> Result<Self, Error> {
        Ok(Self {
            topics: write.open_table(TOPICS)?,
            partitions: write.open_table(PARTITIONS)?,
            positions: write.open_table(POSITIONS)?,
            records: write.open_table(RECORDS)?,
        })
    }
}
