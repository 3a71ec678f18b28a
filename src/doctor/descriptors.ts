/** Descriptors of the supervisor beside one for each agent: databases, sockets, checks under way, clients. */
export const OWN_DESCRIPTORS = 256;
