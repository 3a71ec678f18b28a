/** Descriptors of the supervisor in addition to one per agent: databases, sockets, checks, clients. */
export const OWN_DESCRIPTORS = 256;
