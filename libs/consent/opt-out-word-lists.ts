/**
 * The words by which people stop messages. Each list is compared after the same plain spelling as the message, so case,
 * accents and punctuation do not matter here. Where a provider or a regulator names the words, the comment says which;
 * the other words are ours, and only such as mean nothing else when they are the whole message.
 */

/** Stop everything on the channel. */
export const STOP_WORDS: readonly string[] = [
  // English: Twilio, AWS, Telnyx and the FCC (47 CFR 64.1200(a)(10)).
  ...['stop', 'stopall', 'stop all', 'unsubscribe', 'optout', 'opt out', 'unsub'],
  ...['please stop', 'stop please', 'unsubscribe me', 'stop messages', 'stop texting me', 'stop messaging me'],
  ...['stop contacting me', 'do not contact me', 'no more messages', 'opt me out', 'please unsubscribe me'],
  // French: Twilio and AWS for Canada, with the misspellings they list.
  ...['arrêt', 'arrête', 'arrett', 'arêt', 'arrrêt', 'arrret', 'arrêter'],
  ...['désabonner', 'me désabonner', 'désabonnement', 'désinscrire', 'désinscription'],
  // Spanish.
  ...['baja', 'dar de baja', 'darme de baja', 'dame de baja', 'desuscribir', 'desuscribirme', 'cancelar suscripción'],
  ...['no quiero recibir', 'no quiero recibir más', 'no quiero recibir más mensajes', 'no quiero más mensajes'],
  // Portuguese: Aivo's list for Brazil.
  ...['parar', 'descadastrar', 'descadastre', 'cancelar inscrição', 'cancelar assinatura'],
  ...['não quero mais receber', 'não quero mais receber nada', 'não quero receber mais mensagens'],
  // German.
  ...['stopp', 'abmelden', 'abbestellen', 'bitte abmelden', 'keine nachrichten mehr'],
  // Italian.
  ...['disiscrivimi', 'disiscrivermi', 'disiscrizione', 'cancellami', 'annulla iscrizione'],
  // Dutch.
  ...['afmelden', 'uitschrijven', 'stoppen', 'meld me af', 'schrijf me uit'],
  // Swedish, Norwegian (Brevo: UNSUB, above), Danish.
  ...['avregistrera', 'avprenumerera', 'avmeld', 'meld meg av', 'afmeld', 'frameld'],
  // Polish.
  ...['wypisz', 'wypisz mnie', 'wypisz się', 'odsubskrybuj'],
  // Turkish.
  ...['durdur', 'abonelikten çık', 'aboneliği iptal et'],
  // Russian and Ukrainian.
  ...['стоп', 'отписаться', 'отпишите меня', 'відписатися'],
  // Greek, Hebrew (the word Israeli law has senders ask for), Arabic.
  ...['στοπ', 'הסר', 'הסירו אותי', 'إيقاف', 'إلغاء الاشتراك'],
  // Chinese (the word on every mainland campaign), Japanese, Korean (the words the law has senders print).
  ...['退订', '退訂', '配信停止', '수신거부', '수신 거부'],
];

/** Stop marketing alone on any channel, because that is what they say. */
export const MARKETING_STOPS: readonly string[] = [
  // English: the text of the opt-out button of WhatsApp's templates (Braze), and what is typed for it.
  ...['stop promotions', 'stop promotion', 'stop promos', 'stop marketing', 'stop ads'],
];

/** Stop everything on SMS; elsewhere marketing alone, because the person may be talking of an order or an appointment. */
export const WORDS_WITH_OTHER_MEANINGS: readonly string[] = [
  // English: Twilio, AWS (TD is the Chinese word in two letters), Telnyx and the FCC.
  ...['cancel', 'end', 'quit', 'revoke', 'remove', 'remove me', 'td'],
  // French: AWS for Canada (FIN).
  ...['fin', 'annuler', 'résilier', 'se désister'],
  // Spanish.
  ...['cancelar', 'salir', 'alto', 'basta', 'detener', 'terminar', 'revocar', 'anular'],
  // Portuguese: Aivo's list for Brazil, and words that clinics there met.
  ...['remover', 'sair', 'pare', 'encerrar'],
  // German.
  ...['abbrechen', 'beenden', 'kündigen', 'kuendigen', 'widerruf', 'austragen'],
  // Italian: Adobe's list, which looks translated by a machine.
  ...['interrompi', 'esci', 'annulla', 'termina', 'cancella', 'revoca'],
  // Dutch.
  ...['annuleren', 'opzeggen', 'beëindigen'],
  // Swedish, Norwegian, Danish.
  ...['avsluta', 'avbryt', 'avslutt', 'afslut', 'annuller'],
  // Polish.
  ...['anuluj', 'koniec', 'rezygnuję'],
  // Turkish: RET is what campaigns there ask for, and also means refusal.
  ...['ret', 'iptal', 'ayrıl'],
];
