/** The worker that answers while somebody types. */
import { makeLanguageService } from "./language-service.ts";
import { answerWith } from "./worker-messages.ts";

const service = { ...makeLanguageService() };
export type LanguageQuestions = typeof service;
answerWith(service);
