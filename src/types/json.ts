// JSON values as they cross borders: tool input, slash-command data, session records.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
